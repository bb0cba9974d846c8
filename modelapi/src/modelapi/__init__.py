"""The Model API: write a KServe transformer or predictor, serve it over V1 REST, V2 REST and V2 gRPC.

Names are imported when they are first used (PEP 562): `from modelapi import InferInput` loads numpy and orjson, no web
framework and no gRPC.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from modelapi.config import VERSION as __version__

_HOMES = {
    "InferInput": "types",
    "InferOutput": "types",
    "InferRequest": "types",
    "InferResponse": "types",
    "InferenceGRPCClient": "inference_client",
    "InferenceRESTClient": "inference_client",
    "Model": "model",
    "ModelRepository": "model_repository",
    "ModelServer": "model_server",
    "PredictorConfig": "config",
    "RESTConfig": "inference_client",
}
_MODULES = (
    "constants",
    "context",
    "errors",
    "inference_client",
    "logging",
    "metrics",
    "model",
    "model_repository",
    "model_server",
    "predictor_config",
    "protocol",
    "utils",
)

if TYPE_CHECKING:
    from modelapi import errors, logging, model_server
    from modelapi.config import PredictorConfig
    from modelapi.inference_client import InferenceGRPCClient, InferenceRESTClient, RESTConfig
    from modelapi.model import Model
    from modelapi.model_repository import ModelRepository
    from modelapi.model_server import ModelServer
    from modelapi.types import InferInput, InferOutput, InferRequest, InferResponse


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"modelapi.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return import_module(f"modelapi.{name}")
    raise AttributeError(f"module 'modelapi' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_MODULES})


__all__ = [
    "InferInput",
    "InferOutput",
    "InferRequest",
    "InferResponse",
    "InferenceGRPCClient",
    "InferenceRESTClient",
    "Model",
    "ModelRepository",
    "ModelServer",
    "PredictorConfig",
    "RESTConfig",
    "__version__",
    "errors",
    "logging",
    "model_server",
]
