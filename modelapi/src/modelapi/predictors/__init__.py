"""Calling the next hop. `connect` is the only place that switches on the protocol.

    rest_v1, rest_v2, grpc_v2   one predictor class per wire, each with its one client
    http                        the keep-alive client under both REST wires
    retry                       how often and how long a call is tried
    answers                     what an answer that is no success means, in `modelapi.errors`
    address, dial, tls          where a predictor is, a connection to it, and whom to trust there
    payload                     what a model hands over, in the form that the protocol has for it
    headers                     which headers travel on to the predictor, and which back from it
    fake                        a scripted predictor for tests, public

A predictor opens its connections at its first call and in the event loop of that call: it may be made before a server
starts, and before it forks. A connection that the predictor closed is opened again without a word.
"""

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from modelapi.config import PredictorConfig

if TYPE_CHECKING:
    from modelapi.model import Predictor

# Weak: it keeps nothing alive, it only lets those who need the same predictor at the same time share its connections.
_in_use: "WeakValueDictionary[PredictorConfig, Predictor]" = WeakValueDictionary()


def connect(config: PredictorConfig) -> "Predictor":
    """The predictor that `config` describes; equal configurations get the same object. Nothing is sent yet.

    Raises:
        PredictorNotConfigured: `predictor_host` is no `host[:port]`.
    """
    predictor = _in_use.get(config)
    if predictor is None:
        predictor = _in_use[config] = _new(config)
    return predictor


def _new(config: PredictorConfig) -> "Predictor":
    match config.predictor_protocol:
        case "v1":
            from modelapi.predictors.rest_v1 import RestV1Predictor

            return RestV1Predictor(config)
        case "v2":
            from modelapi.predictors.rest_v2 import RestV2Predictor

            return RestV2Predictor(config)
        case "grpc-v2":
            from modelapi.predictors.grpc_v2 import GrpcV2Predictor

            return GrpcV2Predictor(config)
        case unknown:
            raise ValueError(f"predictor_protocol {unknown!r} is none of v1, v2, grpc-v2.")
