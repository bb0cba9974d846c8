"""Asking an inference server over gRPC."""

import logging
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

import grpc
import grpc.aio

from modelapi.codec import v2_grpc
from modelapi.errors import InvalidInput
from modelapi.inference_client.timeouts import USE_CLIENT_DEFAULT, UseClientDefault
from modelapi.predictors.retry import RetryPolicy, Transient, attempt
from modelapi.types import InferRequest, InferResponse

logger = logging.getLogger(__name__)

_CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_http_proxy", 0),
    # gRPC's own waits grow to two minutes: a server that is back would not be seen.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class InferenceGRPCClient:
    """Asks an inference server over V2 gRPC. Close it, or use it in `async with`; the channel opens at the first call.

    Args:
        url: `host:port`; without a port `:80`, or `:443` with TLS.
        verbose: log requests and answers.
        use_ssl: TLS, with the certificates in the files `root_certificates`, `private_key`, `certificate_chain`.
        creds: channel credentials, instead of those files.
        channel_args: gRPC's channel options, instead of this client's.
        timeout: seconds for the whole call, None for no limit.
        retries: further attempts after UNAVAILABLE; not applied if `channel_args` configures retries itself.
    """

    def __init__(
        self,
        url: str,
        verbose: bool = False,
        use_ssl: bool = False,
        root_certificates: str | None = None,
        private_key: str | None = None,
        certificate_chain: str | None = None,
        creds: grpc.ChannelCredentials | None = None,
        channel_args: list[tuple[str, Any]] | None = None,
        timeout: float | None = 60,
        retries: int | None = 3,
    ) -> None:
        self._target = url if ":" in url else f"{url}:{443 if use_ssl or creds else 80}"
        self._credentials = creds
        if use_ssl and creds is None:
            files = (root_certificates, private_key, certificate_chain)
            self._credentials = grpc.ssl_channel_credentials(
                *(Path(file).read_bytes() if file else None for file in files)
            )
        self._options = list(_CHANNEL_OPTIONS if channel_args is None else channel_args)
        own = any(key in ("grpc.service_config", "grpc.enable_retries") for key, _ in self._options)
        self._retries = 0 if own else retries or 0
        self._timeout = timeout
        self._verbose = verbose
        self._channel: grpc.aio.Channel | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the channel."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close(None)

    async def infer(
        self,
        infer_request: InferRequest,
        timeout: float | UseClientDefault | None = USE_CLIENT_DEFAULT,  # noqa: ASYNC109 -- KServe's signature
        headers: Any = None,
    ) -> InferResponse:
        """The answer to an InferRequest or a ModelInferRequest message.

        Raises:
            InvalidInput: it is neither.
            grpc.RpcError: the answer is not OK.
        """
        if isinstance(infer_request, InferRequest):
            message = v2_grpc.encode_request(infer_request)
        elif isinstance(infer_request, v2_grpc.ModelInferRequest):
            message = infer_request
        else:
            kind = type(infer_request).__name__
            raise InvalidInput(f"infer takes an InferRequest or a ModelInferRequest message, not a {kind}.")
        return v2_grpc.decode_response(await self._call("ModelInfer", message, timeout, headers))

    async def is_server_ready(
        self,
        timeout: float | UseClientDefault | None = USE_CLIENT_DEFAULT,  # noqa: ASYNC109 -- KServe's signature
        headers: Any = None,
    ) -> bool:
        """Whether every model is ready; errors as for `infer`."""
        answer = await self._call("ServerReady", v2_grpc.messages.ServerReadyRequest(), timeout, headers)
        return bool(answer.ready)

    async def is_server_live(
        self,
        timeout: float | UseClientDefault | None = USE_CLIENT_DEFAULT,  # noqa: ASYNC109 -- KServe's signature
        headers: Any = None,
    ) -> bool:
        """Whether the server runs; errors as for `infer`."""
        answer = await self._call("ServerLive", v2_grpc.messages.ServerLiveRequest(), timeout, headers)
        return bool(answer.live)

    async def is_model_ready(
        self,
        model_name: str,
        timeout: float | UseClientDefault | None = USE_CLIENT_DEFAULT,  # noqa: ASYNC109 -- KServe's signature
        headers: Any = None,
    ) -> bool:
        """Whether the model is ready; grpc.RpcError (NOT_FOUND) if the server does not know it."""
        question = v2_grpc.messages.ModelReadyRequest(name=model_name)
        return bool((await self._call("ModelReady", question, timeout, headers)).ready)

    async def _call(
        self,
        name: str,
        message: Any,
        timeout: float | UseClientDefault | None,  # noqa: ASYNC109 -- handed on
        headers: Any,
    ) -> Any:
        seconds = self._timeout if isinstance(timeout, UseClientDefault) else timeout
        if self._channel is None:
            self._channel = self._open()
        call = self._channel.unary_unary(
            f"/{v2_grpc.SERVICE}/{name}",
            request_serializer=type(message).SerializeToString,
            response_deserializer=getattr(v2_grpc.messages, f"{name}Response").FromString,
        )
        metadata = tuple(headers.items() if isinstance(headers, Mapping) else headers or ())
        policy = RetryPolicy(math.inf if seconds is None else seconds, self._retries)
        answer = await attempt(partial(_attempt_call, call, message, metadata), policy)
        if self._verbose:
            logger.info("%s %s: %s", self._target, name, answer)
        return answer

    def _open(self) -> grpc.aio.Channel:
        if self._credentials is None:
            return grpc.aio.insecure_channel(self._target, options=self._options)
        return grpc.aio.secure_channel(self._target, self._credentials, options=self._options)


async def _attempt_call(call: Any, message: Any, metadata: Any, seconds: float) -> Any:
    try:
        return await call(message, timeout=None if math.isinf(seconds) else seconds, metadata=metadata)
    except grpc.aio.AioRpcError as exc:
        if exc.code() is grpc.StatusCode.UNAVAILABLE:
            raise Transient(exc) from exc
        raise
