"""The hop over V2 gRPC: `inference.GRPCInferenceService`, tensors as raw contents, one channel to one predictor."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message_factory import GetMessageClass

from modelapi.codec import v2_grpc
from modelapi.config import PredictorConfig
from modelapi.errors import (
    InvalidInput,
    PredictorFailed,
    PredictorRejected,
    PredictorTimeout,
    PredictorUnavailable,
    Unsupported,
)
from modelapi.predictors import answers, tls
from modelapi.predictors.address import address_of
from modelapi.predictors.headers import forwarded, returned
from modelapi.predictors.payload import for_v2
from modelapi.predictors.retry import READY_SECONDS, RetryPolicy, Transient, attempt
from modelapi.types import InferResponse

logger = logging.getLogger(__name__)

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

CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_http_proxy", 0),
    # gRPC's own waits grow to two minutes: a predictor that is back would not be seen.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class GrpcV2Predictor:
    """Calls ModelInfer; answers are InferResponse, their tensors views of the message's buffers."""

    def __init__(self, config: PredictorConfig) -> None:
        self._target = str(address_of(config))
        self._use_ssl = config.predictor_use_ssl
        self._policy = RetryPolicy(config.predictor_request_timeout_seconds, config.predictor_request_retries)
        self._channel: grpc.aio.Channel | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._infer: Any = None

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
        message = v2_grpc.encode_request(for_v2(payload, model_name))
        message.model_name = message.model_name or model_name
        metadata = tuple(forwarded(headers).items())
        answer = await attempt(partial(self._send, message, metadata, response_headers), self._policy)
        try:
            return v2_grpc.decode_response(answer)
        except InvalidInput as exc:
            raise PredictorFailed(
                f"The predictor at {self._target} answered with no V2 inference response: {exc}"
            ) from exc

    async def explain(self, payload: Any, model_name: str, headers: Mapping[str, str]) -> Any:
        """V2 has no explanations."""
        raise Unsupported("The V2 protocol has no explain: choose the predictor protocol v1 for an explainer.")

    async def ready(self, model_name: str) -> bool:
        """Whether the predictor says that the model is ready; no answer is a no."""
        request = message_class("ModelReadyRequest")(name=model_name)
        model_ready = method(
            self._opened(), "ModelReady", message_class("ModelReadyRequest"), message_class("ModelReadyResponse")
        )
        try:
            answer = await model_ready(request, timeout=min(READY_SECONDS, self._policy.timeout_seconds))
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.ready)

    async def close(self) -> None:
        """Close the channel. A later call opens another."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close(None)

    async def _send(
        self,
        message: Any,
        metadata: tuple[tuple[str, str], ...],
        response_headers: dict[str, str] | None,
        seconds: float,
    ) -> Any:
        self._opened()
        call = self._infer(message, timeout=seconds, metadata=metadata)
        try:
            answer = await call
            if response_headers is not None:
                response_headers.update(_texts(await call.initial_metadata()))
            return answer
        except grpc.aio.AioRpcError as exc:
            raise self._error_of(exc, seconds) from exc

    def _error_of(self, exc: grpc.aio.AioRpcError, seconds: float) -> Exception:
        code, message = exc.code(), answers.plain(exc.details() or "")
        said = f": {message}" if message else "."
        if code is grpc.StatusCode.UNAVAILABLE:
            return Transient(PredictorUnavailable(f"The predictor at {self._target} is not available{said}"))
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return PredictorTimeout(f"The predictor at {self._target} gave no answer within {seconds:.3g} s.")
        if code in _REJECTIONS:
            bare = f"The predictor at {self._target} answered {code.name}."
            too_large = code is grpc.StatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE in message
            return PredictorRejected(413 if too_large else _REJECTIONS[code], message or bare)
        return PredictorFailed(f"The predictor at {self._target} answered {code.name}{said}")

    def _opened(self) -> grpc.aio.Channel:
        """The channel of the running event loop."""
        loop = asyncio.get_running_loop()
        if self._channel is None or self._loop is not loop:
            self._channel, self._loop = self._channel_to_target(), loop
            logger.info("opened a gRPC channel to the predictor at %s", self._target)
            self._infer = method(self._channel, "ModelInfer", v2_grpc.ModelInferRequest, v2_grpc.ModelInferResponse)
        return self._channel

    def _channel_to_target(self) -> grpc.aio.Channel:
        if not self._use_ssl:
            return grpc.aio.insecure_channel(self._target, options=CHANNEL_OPTIONS)
        credentials = grpc.ssl_channel_credentials(root_certificates=tls.root_certificates())
        return grpc.aio.secure_channel(self._target, credentials, options=CHANNEL_OPTIONS)


def method(channel: grpc.aio.Channel, name: str, request: Any, response: Any) -> Any:
    """A unary method of the inference service on this channel."""
    return channel.unary_unary(
        f"/{v2_grpc.SERVICE}/{name}",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )


def message_class(name: str) -> Any:
    """A message of the inference service, such as `ModelReadyRequest`."""
    return GetMessageClass(v2_grpc.ModelInferRequest.DESCRIPTOR.file.message_types_by_name[name])


def _texts(metadata: Any) -> dict[str, str]:
    return returned((name, value) for name, value in metadata if isinstance(value, str))
