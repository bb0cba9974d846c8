"""The HTTP client under both REST wires: one keep-alive pool to one predictor.

It keeps no cookies, follows no redirects and asks no environment for a proxy: callers share it, and what one caller's
answer sets must not show in another's request.
"""

import asyncio
import logging
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDictProxy
from yarl import URL

from modelapi.config import PredictorConfig
from modelapi.errors import PredictorFailed, PredictorTimeout, PredictorUnavailable
from modelapi.predictors import address, answers, tls
from modelapi.predictors.retry import RetryPolicy, Transient, attempt

logger = logging.getLogger(__name__)

Chunks = tuple[bytes | bytearray | memoryview, ...]

# Local and binary bodies gain nothing by compression; what comes compressed all the same is unpacked.
_DEFAULT_HEADERS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "modelapi"}
# Shorter than the keep-alive of the servers that predictors run on, so that this side closes first.
_KEEP_ALIVE_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer, its body unpacked."""

    headers: CIMultiDictProxy[str]
    body: bytes


@dataclass(slots=True)
class _Trip:
    """What is known of one request when it fails."""

    reused: bool = False
    answered: bool = False


class _Stale(Exception):
    """A kept connection was closed by the predictor before a byte of the answer: the request was never looked at."""


class _Body(aiohttp.payload.Payload):
    """A body in chunks of known size, written as they are: no copy to join them."""

    _autoclose = True

    def __init__(self, chunks: Chunks) -> None:
        super().__init__(chunks)
        self._size = sum(map(len, chunks))

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return b"".join(self._value).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        for chunk in self._value:
            await writer.write(chunk)


class HttpClient:
    """Requests to one predictor, with its deadline and its retries."""

    def __init__(self, config: PredictorConfig) -> None:
        base = address.base_url(config)
        self.authority = f"{base.raw_host}:{base.port}"  # for messages
        self._prefix = str(base).rstrip("/")
        self._tls = tls.context() if config.predictor_use_ssl else True
        self._policy = RetryPolicy(config.predictor_request_timeout_seconds, config.predictor_request_retries)
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def post(self, path: str, chunks: Chunks, headers: Mapping[str, str]) -> Answer:
        """The 2xx answer to a POST to `path`, which is quoted already and begins with `/`.

        Raises:
            PredictorUnavailable, PredictorTimeout, PredictorRejected, PredictorFailed: as `answers` has it.
        """
        return await attempt(partial(self._send, "POST", self._url(path), chunks, headers), self._policy)

    async def get(self, path: str, seconds: float | None = None) -> Answer:
        """The 2xx answer to a GET; `seconds` bounds it further, and then it is tried once. Errors as for `post`."""
        policy = self._policy
        if seconds is not None:
            policy = RetryPolicy(min(seconds, policy.timeout_seconds))
        return await attempt(partial(self._send, "GET", self._url(path), (), {}), policy)

    async def close(self) -> None:
        """Close the pool. A later request opens another."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _url(self, path: str) -> URL:
        return URL(self._prefix + path, encoded=True)

    async def _send(self, method: str, url: URL, chunks: Chunks, headers: Mapping[str, str], seconds: float) -> Answer:
        """One attempt. A kept connection that turns out to be closed is not one: the next is taken."""
        try:
            async with asyncio.timeout(seconds):
                while True:  # at most once for each kept connection: a new one is never stale
                    try:
                        return await self._exchange(method, url, chunks, headers)
                    except _Stale:
                        continue
        except TimeoutError as exc:
            limit = self._policy.timeout_seconds
            raise PredictorTimeout(f"The predictor at {self.authority} gave no answer within {limit:g} s.") from exc

    async def _exchange(self, method: str, url: URL, chunks: Chunks, headers: Mapping[str, str]) -> Answer:
        trip = _Trip()
        body = _Body(chunks) if chunks else None
        try:
            async with self._opened().request(
                method, url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=trip
            ) as response:
                trip.answered = True
                content = await response.read()
        except aiohttp.ClientError as exc:
            raise self._broken(exc, trip) from exc
        if 200 <= response.status < 300:
            return Answer(response.headers, content)
        error = answers.error_of(response.status, content, self.authority)
        raise Transient(error) if response.status in answers.RETRYABLE_STATUSES else error

    def _broken(self, exc: aiohttp.ClientError, trip: _Trip) -> Exception:
        match exc:
            case aiohttp.ClientConnectorError():
                return Transient(
                    PredictorUnavailable(f"The predictor at {self.authority} cannot be reached: {_cause(exc)}.")
                )
            case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() if trip.reused and not trip.answered:
                return _Stale()
            case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError():
                return PredictorUnavailable(f"The predictor at {self.authority} broke the connection off.")
            case _:
                return PredictorFailed(f"The predictor at {self.authority} did not answer in HTTP.")

    def _opened(self) -> aiohttp.ClientSession:
        """The pool of the running event loop."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._session, self._loop = _session(self._tls), loop
            logger.info("opened a REST client to the predictor at %s", self._prefix)
        return self._session


def _session(tls_settings: Any) -> aiohttp.ClientSession:
    watch = aiohttp.TraceConfig()
    watch.on_connection_reuseconn.append(_note_reuse)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS, ssl=tls_settings),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=_DEFAULT_HEADERS,
        timeout=aiohttp.ClientTimeout(),  # the deadline is ours, over all attempts
        trust_env=False,
        trace_configs=[watch],
    )


async def _note_reuse(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.reused = True


def _cause(exc: aiohttp.ClientConnectorError) -> str:
    """Why there is no connection, in the words of TLS or of the operating system."""
    match exc.os_error:
        case ssl.SSLCertVerificationError() as error:
            return f"its certificate is not trusted: {error.verify_message}"
        case ssl.SSLError() as error:
            return f"it does not speak TLS as expected: {error.reason}"
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number)
        case OSError(strerror=str(words)):
            return words
        case _:
            return type(exc.os_error).__name__
