"""What users write: a Model with preprocess, predict, postprocess and explain; and the Predictor that it asks for.

The steps run in this order: preprocess, validate, predict (or explain), postprocess. Each is called positionally, with
as many of (payload, headers, response_headers) as it takes, and may be `def` or `async def`. A `def` handler runs on
the event loop, as in KServe: a hop to a thread costs more than a typical preprocess, and users' handlers need not be
thread-safe. Work that blocks for long belongs in `async def` with `asyncio.to_thread`.
"""

import inspect
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Protocol

from modelapi.base_model import BaseKServeModel, Headers, InferenceModel, InferenceVerb, Payload
from modelapi.config import PredictorConfig, PredictorProtocol
from modelapi.context import get_predictor_config
from modelapi.errors import InferenceError, InvalidInput, PredictorNotConfigured
from modelapi.types import InferRequest, InferResponse

_NOWHERE = PredictorConfig("")
FORWARDED_HEADERS = ("x-request-id", "x-b3-traceid", "authorization", "traceparent", "tracestate")
trace_logger = logging.getLogger("kserve.trace")


class Predictor(Protocol):
    """The next hop, whatever it speaks."""

    async def predict(
        self,
        payload: Any,
        model_name: str,
        headers: Mapping[str, str],
        response_headers: dict[str, str] | None = None,
    ) -> Any: ...

    async def explain(self, payload: Any, model_name: str, headers: Mapping[str, str]) -> Any: ...

    async def ready(self, model_name: str) -> bool: ...

    async def close(self) -> None: ...


Connect = Callable[[PredictorConfig], Predictor]


@dataclass
class Timings:
    """Seconds that each step took; `decode` and `encode` are the wire's: bytes to payload, and result to bytes."""

    preprocess: float = 0.0
    explain: float = 0.0
    predict: float = 0.0
    postprocess: float = 0.0
    decode: float = 0.0
    encode: float = 0.0


@dataclass
class Outcome:
    """What the steps gave: the result as the handler returned it, headers to answer with, and the time taken."""

    result: Any
    response_headers: Headers
    timings: Timings


class _PredictorSetting:
    """`self.predictor_host = ...`: how transformers up to kserve 0.15 name their predictor."""

    def __init__(self, field: str) -> None:
        self._field = field

    def __get__(self, model: "Model | None", owner: type) -> Any:
        if model is None:
            return self
        own = model._own_settings
        if self._field in own:
            return own[self._field]
        config = model.predictor_config
        return getattr(config or _NOWHERE, self._field) or None

    def __set__(self, model: "Model", value: Any) -> None:
        model._own_settings[self._field] = value
        model._forget_predictor()


class Model(InferenceModel):
    """A transformer, a predictor, or both: override the steps that are yours.

    The predictor is, first match wins: the attributes `predictor_host`, `protocol`, `timeout`, `use_ssl`, `retries`
    that a subclass sets; the `predictor_config` argument; the server's own (`--predictor_host` and its siblings).

    Args:
        name: the name that callers use in the URL.
        predictor_config: where `predict` goes. (kserve 0.16 and later has `return_response_headers` in this place:
            a bool is taken as that.)
        return_response_headers: hand a dict to `predict` and `postprocess` whose entries become response headers.
    """

    predictor_host = _PredictorSetting("predictor_host")
    protocol = _PredictorSetting("predictor_protocol")
    timeout = _PredictorSetting("predictor_request_timeout_seconds")
    use_ssl = _PredictorSetting("predictor_use_ssl")
    retries = _PredictorSetting("predictor_request_retries")

    def __new__(cls, *_args: Any, **_kwargs: Any) -> "Model":
        """Settings may be assigned before `super().__init__` runs, so their place is made here."""
        model = super().__new__(cls)
        model._own_settings = {}
        model._forget_predictor()
        return model

    def __init__(
        self,
        name: str,
        predictor_config: PredictorConfig | bool | None = None,
        return_response_headers: bool = False,
    ) -> None:
        super().__init__(name)
        if isinstance(predictor_config, bool):
            self._config, self.required_response_headers = None, predictor_config
        else:
            self._config, self.required_response_headers = predictor_config, return_response_headers
        self.enable_latency_logging = True
        self.explainer_host: str | None = None
        self._forget_predictor()

    _own_settings: dict[str, Any]
    _config: PredictorConfig | None = None
    _server_config: PredictorConfig | None = None
    _connect: Connect | None = None
    _effective: PredictorConfig | None
    _hop: Predictor | None
    _explainers: dict[str, Predictor]

    def bind(self, config: PredictorConfig | None, connect: Connect | None = None) -> None:
        """Take what the server knows: the predictor to fall back on, and how to reach one. Called on registration."""
        self._server_config = config
        self._connect = connect or self._connect
        self._forget_predictor()

    @property
    def predictor_config(self) -> PredictorConfig | None:
        """The predictor's configuration with this model's own settings applied; None if there is no predictor."""
        if self._effective is None:
            self._effective = self._merge()
        return self._effective

    @predictor_config.setter
    def predictor_config(self, config: PredictorConfig | None) -> None:
        self._config = config
        self._forget_predictor()

    def _merge(self) -> PredictorConfig | None:
        config = self._config or self._server_config or get_predictor_config()
        own = {field: value for field, value in self._own_settings.items() if value is not None}
        if not own:
            return config
        if config is not None:
            return replace(config, **own)
        return PredictorConfig(**own) if "predictor_host" in own else None

    def _forget_predictor(self) -> None:
        self._effective = None
        self._hop = None
        self._explainers = {}

    def predictor(self) -> Predictor:
        """The hop to the predictor; PredictorNotConfigured if there is none."""
        if self._hop is None:
            config = self.predictor_config
            if config is None or not config.predictor_host:
                raise PredictorNotConfigured
            self._hop = self._connected(config)
        return self._hop

    def _connected(self, config: PredictorConfig) -> Predictor:
        """Without a server that brings its own way, the library's, found late: it loads clients that most imports of
        this module have no use for.
        """
        connect: Connect = self._connect or import_module("modelapi.predictors").connect
        return connect(config)

    def validate(self, payload: Payload) -> Payload:
        """Look at what preprocess gave, before it goes to predict; `instances` (V1) and `inputs` (V2) must be lists."""
        config = self.predictor_config
        field = "inputs" if config is not None and config.protocol != PredictorProtocol.REST_V1.value else "instances"
        if isinstance(payload, dict) and field in payload and not isinstance(payload[field], list):
            raise InvalidInput(f'Expected "{field}" to be a list')
        return payload

    async def preprocess(self, payload: Payload, headers: Headers | None = None) -> Payload:
        """From what the caller sent to what predict takes. By default, as it is."""
        return payload

    async def postprocess(
        self, result: Any, headers: Headers | None = None, response_headers: Headers | None = None
    ) -> Any:
        """From what predict gave to what the caller gets. By default, as it is."""
        return result

    async def predict(
        self, payload: Payload, headers: Headers | None = None, response_headers: Headers | None = None
    ) -> Any:
        """The answer: by default, the predictor's.

        Raises:
            PredictorNotConfigured: there is no `predictor_host`.
            PredictorError: the predictor gave no usable answer.
        """
        return await self.predictor().predict(payload, self.name, headers or {}, response_headers)

    async def _http_predict(
        self, payload: Payload, headers: Headers | None = None, response_headers: Headers | None = None
    ) -> Any:
        """KServe's name for the hop over REST: what `predict` does."""
        return await self.predictor().predict(payload, self.name, headers or {}, response_headers)

    async def _grpc_predict(self, payload: Payload, headers: Headers | None = None) -> Any:
        """KServe's name for the hop over gRPC, whatever the predictor's protocol is otherwise."""
        config = replace(self.predictor_config or _NOWHERE, predictor_protocol=PredictorProtocol.GRPC_V2.value)
        return await self._connected(config).predict(payload, self.name, headers or {})

    async def explain(self, payload: Payload, headers: Headers | None = None) -> Any:
        """The explanation: by default, the explainer's (`explainer_host`)."""
        if not self.explainer_host:
            raise PredictorNotConfigured("Could not find explainer_host.")
        return await self._explainer(self.explainer_host).explain(payload, self.name, headers or {})

    def _explainer(self, host: str) -> Predictor:
        if host not in self._explainers:
            config = self.predictor_config or _NOWHERE
            here = replace(config, predictor_host=host, predictor_protocol=PredictorProtocol.REST_V1.value)
            self._explainers[host] = self._connected(here)
        return self._explainers[host]

    async def __call__(
        self,
        body: Payload,
        headers: Headers | None = None,
        verb: InferenceVerb = InferenceVerb.PREDICT,
    ) -> Any:
        """All steps, without a server: what a unit test of a transformer calls."""
        outcome = await Steps(self).run(body, {} if headers is None else headers, verb)
        return outcome.result


class Steps:
    """The steps of one model, looked at once: which of them are the user's, and how many arguments each takes."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._preprocess = _Step(model, "preprocess", 2)
        self._predict = _Step(model, "predict", 3)
        self._postprocess = _Step(model, "postprocess", 3)
        self._explain = _Step(model, "explain", 2)

    async def run(self, body: Payload, headers: Headers, verb: InferenceVerb = InferenceVerb.PREDICT) -> Outcome:
        """Run them in order; whatever a step raises goes through."""
        clock = time.perf_counter
        timings, response_headers = Timings(), Headers()
        asked = response_headers if self.model.required_response_headers else None
        start = clock()
        payload = body if self._preprocess.default else await self._preprocess(body, headers, None)
        timings.preprocess = clock() - start
        payload = self.model.validate(payload)
        start = clock()
        if verb is InferenceVerb.PREDICT:
            result = await self._predict(payload, headers, asked)
            timings.predict = clock() - start
        else:
            result = await self._explain(payload, headers, None)
            timings.explain = clock() - start
        start = clock()
        if not self._postprocess.default:
            result = await self._postprocess(result, headers, asked)
        timings.postprocess = clock() - start
        return Outcome(result, response_headers, timings)


class _Step:
    """One handler, called positionally with as many arguments as it takes."""

    __slots__ = ("_count", "_function", "default")

    def __init__(self, model: Model, name: str, most: int) -> None:
        self._function: Callable[..., Any] = getattr(model, name)
        self._count = _positional(self._function, most)
        self.default = getattr(self._function, "__func__", None) is getattr(Model, name)

    async def __call__(self, payload: Payload, headers: Headers, response_headers: Headers | None) -> Any:
        count = self._count
        if count == 2 or (count == 3 and response_headers is None):
            result = self._function(payload, headers)
        elif count == 3:
            result = self._function(payload, headers, response_headers)
        else:
            result = self._function(payload)
        return await result if hasattr(result, "__await__") else result


def _positional(function: Callable[..., Any], most: int) -> int:
    """How many positional arguments, up to `most`, a handler takes."""
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return most
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    count = sum(kind in positional for kind in kinds)
    if count == 0:
        raise InferenceError(f"{getattr(function, '__qualname__', function)} takes no payload.")
    return min(count, most)


def append_forwardable_headers(headers: Mapping[str, str] | None, base: Mapping[str, str] | None = None) -> Headers:
    """`base` and those of the caller's headers that go on to the predictor: request id, trace, authorization."""
    found = {name: headers[name] for name in FORWARDED_HEADERS if name in headers} if headers else {}
    return {**(base or {}), **found}


def is_v2(protocol: str) -> bool:
    """Whether a protocol is V2 over REST."""
    return protocol.lower() == PredictorProtocol.REST_V2.value


def get_latency_ms(start: float, end: float) -> float:
    """Milliseconds between two moments in seconds."""
    return (end - start) * 1000


__all__ = [
    "BaseKServeModel",
    "Headers",
    "InferRequest",
    "InferResponse",
    "InferenceModel",
    "InferenceVerb",
    "Model",
    "Outcome",
    "Payload",
    "Predictor",
    "PredictorConfig",
    "PredictorProtocol",
    "Steps",
    "Timings",
    "append_forwardable_headers",
    "get_latency_ms",
    "is_v2",
]
