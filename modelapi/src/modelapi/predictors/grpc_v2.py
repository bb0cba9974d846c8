"""The hop over V2 gRPC: `inference.GRPCInferenceService`, tensors as raw contents, one channel to one predictor."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from modelapi.codec import v2_grpc
from modelapi.config import PredictorConfig
from modelapi.errors import (
    InvalidInput,
    PredictorError,
    PredictorFailed,
    PredictorRejected,
    PredictorTimeout,
    PredictorUnavailable,
    Unsupported,
)
from modelapi.predictors import answers, tls
from modelapi.predictors.address import address_of
from modelapi.predictors.dial import Chunks, Unreachable
from modelapi.predictors.grpc_channel import GrpcChannel, Reply
from modelapi.predictors.headers import forwarded, returned
from modelapi.predictors.payload import for_v2
from modelapi.predictors.retry import READY_SECONDS, RetryPolicy, Transient, attempt
from modelapi.types import InferResponse

# The HTTP statuses that stand for gRPC's verdicts on the caller's request.
_REJECTIONS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
}
_TOO_LARGE = "message larger than max"  # gRPC's own words, for which it has no status of its own

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class GrpcV2Predictor:
    """Calls ModelInfer; answers are InferResponse, their tensors views of the message's buffers."""

    def __init__(self, config: PredictorConfig) -> None:
        address = address_of(config)
        self._target = str(address)
        self._channel = GrpcChannel(address, tls.grpc_context() if config.predictor_use_ssl else None)
        self._policy = RetryPolicy(config.predictor_request_timeout_seconds, config.predictor_request_retries)

    async def predict(
        self,
        payload: Any,
        model_name: str,
        headers: Mapping[str, str],
        response_headers: dict[str, str] | None = None,
    ) -> InferResponse:
        """The predictor's answer, of the model that the InferRequest names; `response_headers`, if given, takes the
        metadata that came before it.

        Raises:
            InvalidInput: the payload has no form on this wire.
            PredictorError: one of its leaves.
        """
        message = v2_grpc.encode_request_chunks(for_v2(payload, model_name), model_name)
        reply = await attempt(partial(self._send, "ModelInfer", message, forwarded(headers)), self._policy)
        if response_headers is not None:
            response_headers.update(_texts(reply.metadata))
        try:
            return v2_grpc.decode_response(v2_grpc.ModelInferResponse.FromString(reply.message))
        except (InvalidInput, DecodeError) as exc:
            raise PredictorFailed(
                f"The predictor at {self._target} answered with no V2 inference response: {exc}"
            ) from exc

    async def explain(self, payload: Any, model_name: str, headers: Mapping[str, str]) -> Any:
        """V2 has no explanations."""
        raise Unsupported("The V2 protocol has no explain: choose the predictor protocol v1 for an explainer.")

    async def ready(self, model_name: str) -> bool:
        """Whether the predictor says that the model is ready; no answer is a no."""
        request = v2_grpc.messages.ModelReadyRequest(name=model_name).SerializeToString()
        policy = RetryPolicy(min(READY_SECONDS, self._policy.timeout_seconds))
        try:
            reply = await attempt(partial(self._send, "ModelReady", (request,), {}), policy)
            return bool(v2_grpc.messages.ModelReadyResponse.FromString(reply.message).ready)
        except (PredictorError, DecodeError):
            return False

    async def close(self) -> None:
        """Close the connection. A later call opens another."""
        self._channel.close()

    async def _send(self, method: str, message: Chunks, metadata: Mapping[str, str], seconds: float) -> Reply:
        try:
            reply = await self._channel.call(method, message, metadata, seconds)
        except TimeoutError as exc:
            raise self._timeout(seconds) from exc
        except Unreachable as exc:
            raise Transient(PredictorUnavailable(f"The predictor at {self._target} is not available: {exc}.")) from exc
        if reply.status:
            code = _CODES.get(reply.status, grpc.StatusCode.UNKNOWN)
            raise self._error_of(code, answers.plain(reply.details), seconds)
        return reply

    def _timeout(self, seconds: float) -> PredictorTimeout:
        return PredictorTimeout(f"The predictor at {self._target} gave no answer within {seconds:.3g} s.")

    def _error_of(self, code: grpc.StatusCode, message: str, seconds: float) -> Exception:
        said = f": {message}" if message else "."
        if code is grpc.StatusCode.UNAVAILABLE:
            return Transient(PredictorUnavailable(f"The predictor at {self._target} is not available{said}"))
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return self._timeout(seconds)
        if code in _REJECTIONS:
            bare = f"The predictor at {self._target} answered {code.name}."
            too_large = code is grpc.StatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE in message
            return PredictorRejected(413 if too_large else _REJECTIONS[code], message or bare)
        return PredictorFailed(f"The predictor at {self._target} answered {code.name}{said}")


def _texts(metadata: Mapping[str, str]) -> dict[str, str]:
    return returned(
        (name, value) for name, value in metadata.items() if not name.startswith((":", "grpc-")) and name[-4:] != "-bin"
    )
