"""The clients that programs use to ask an inference server: InferenceRESTClient and InferenceGRPCClient.

Names and signatures are KServe's, and so are the exceptions: those of httpx and of grpc, as they come. Unlike there,
`retries` retries (no connection, 502, 503, 504, UNAVAILABLE), a number as `timeout` bounds the whole call with all its
attempts, and no cookie of one answer is sent with another request. The hop from a transformer to its predictor does not
come this way: that is `modelapi.predictors`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelapi.inference_client.grpc import InferenceGRPCClient
    from modelapi.inference_client.rest import InferenceRESTClient, RESTConfig

_HOMES = {"InferenceGRPCClient": "grpc", "InferenceRESTClient": "rest", "RESTConfig": "rest"}


def __getattr__(name: str) -> Any:
    """Each client when it is asked for: one of them loads httpx, the other gRPC."""
    if name not in _HOMES:
        raise AttributeError(f"module 'modelapi.inference_client' has no attribute {name!r}")
    return getattr(import_module(f"modelapi.inference_client.{_HOMES[name]}"), name)


__all__ = ["InferenceGRPCClient", "InferenceRESTClient", "RESTConfig"]
