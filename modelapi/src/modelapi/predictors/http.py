"""The HTTP/1.1 client under both REST wires: one keep-alive pool to one predictor.

It does what a hop needs and no more, which is what makes it cheap: it keeps no cookies, follows no redirects and asks
no environment for a proxy (callers share it, and what one caller's answer sets must not show in another's request).
Parsing is httptools'. A connection has one exchange at a time; how many connections there are is up to the callers.
"""

import asyncio
import logging
import time
import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

import httptools

from modelapi.config import PredictorConfig
from modelapi.errors import PredictorFailed, PredictorTimeout, PredictorUnavailable
from modelapi.predictors import answers, tls
from modelapi.predictors.address import address_of
from modelapi.predictors.dial import Chunks, Unreachable, dial
from modelapi.predictors.retry import RetryPolicy, Transient, attempt

logger = logging.getLogger(__name__)

# Shorter than the keep-alive of the servers that predictors run on, so that this side closes first.
_KEEP_ALIVE_SECONDS = 15.0
_JOIN_BELOW = 64 * 1024  # one write of a copy is cheaper than two writes
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer, its body unpacked; names of headers are in lower case, and of duplicates the last counts."""

    headers: Mapping[str, str]
    body: bytes


class _Stale(Exception):
    """A kept connection was closed by the predictor before a byte of the answer: the request was never looked at."""


class _Broken(Exception):
    """The connection ended in the middle of an exchange."""


class _Connection(asyncio.Protocol):
    """One connection. httptools calls the methods that begin with `on_`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[None] | None = None
        self._used = False  # an exchange was completed on it
        self._heard = False  # a byte of the present answer came
        self._until_end = False  # the present answer has no length: it ends with the connection
        self.usable = True
        self.idle_since = 0.0
        self.status = 0
        self.headers: dict[str, str] = {}
        self._body: list[bytes] = []

    @property
    def body(self) -> bytes:
        return self._body[0] if len(self._body) == 1 else b"".join(self._body)

    async def exchange(self, head: bytes, chunks: Chunks, seconds: float) -> None:
        """Send a request, and wait until `status`, `headers` and `body` are those of its answer.

        Raises:
            TimeoutError, _Stale, _Broken, httptools.HttpParserError
        """
        if not self.usable:  # closed since it was taken
            raise _Stale if self._used else _Broken
        answer = self._answer = self._loop.create_future()
        self._heard = False
        timer = self._loop.call_later(seconds, self._fail, TimeoutError())
        self._write(head, chunks)
        try:
            await answer
        except BaseException:
            self.close()
            raise
        finally:
            timer.cancel()
            self._answer = None
        self._used = True

    def close(self) -> None:
        """Close it, whatever is under way."""
        self.usable = False
        self._transport.abort()

    def _write(self, head: bytes, chunks: Chunks) -> None:
        if sum(map(len, chunks)) <= _JOIN_BELOW:
            self._transport.write(b"".join((head, *chunks)))
        else:
            self._transport.writelines((head, *chunks))

    def _fail(self, error: Exception) -> None:
        self.usable = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    # -- asyncio's side -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nobody asked
            self.close()
            return
        self._heard = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            self._fail(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None and self._until_end:
            self._complete(usable=False)
        self._fail(_Stale() if self._used and not self._heard else _Broken())

    # -- httptools' side ------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self.headers, self._body = {}, []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        framed = "content-length" in self.headers or "transfer-encoding" in self.headers
        self._until_end = not framed and self.status >= 200 and self.status not in (204, 304)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self.status >= 200:  # below, it announces the answer
            sent = not self._transport.get_write_buffer_size()
            self._complete(usable=sent and self._parser.should_keep_alive())

    def _complete(self, usable: bool) -> None:
        self._until_end = False
        self.usable = self.usable and usable
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(None)


class HttpClient:
    """Requests to one predictor, with its deadline and its retries."""

    def __init__(self, config: PredictorConfig) -> None:
        self._address = address_of(config)
        self.authority = str(self._address)  # for messages
        self._tls = tls.context() if config.predictor_use_ssl else None
        self._policy = RetryPolicy(config.predictor_request_timeout_seconds, config.predictor_request_retries)
        default_port = 443 if config.predictor_use_ssl else 80
        host = self.authority.removesuffix(f":{default_port}")
        # Local and binary bodies gain nothing by compression; what comes compressed all the same is unpacked.
        self._common = f" HTTP/1.1\r\nhost: {host}\r\naccept: */*\r\naccept-encoding: identity\r\nuser-agent: modelapi"
        self._idle: deque[_Connection] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._known = False  # whether there has been a connection: the first is worth a line in the log

    async def post(self, path: str, chunks: Chunks, headers: Mapping[str, str]) -> Answer:
        """The 2xx answer to a POST to `path`, which is quoted already and begins with `/`.

        Raises:
            PredictorUnavailable, PredictorTimeout, PredictorRejected, PredictorFailed: as `answers` has it.
        """
        head = self._head("POST", path, {"content-length": str(sum(map(len, chunks))), **headers})
        return await attempt(partial(self._send, head, chunks), self._policy)

    async def get(self, path: str, seconds: float | None = None) -> Answer:
        """The 2xx answer to a GET; `seconds` bounds it further, and then it is tried once. Errors as for `post`."""
        policy = self._policy
        if seconds is not None:
            policy = RetryPolicy(min(seconds, policy.timeout_seconds))
        return await attempt(partial(self._send, self._head("GET", path, {}), ()), policy)

    async def close(self) -> None:
        """Close the pool. A later request opens another."""
        while self._idle:
            self._idle.pop().close()

    def _head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        lines = "".join([f"\r\n{name}: {value}" for name, value in headers.items()])
        return f"{method} {self._address.path}{path}{self._common}{lines}\r\n\r\n".encode("latin-1")

    async def _send(self, head: bytes, chunks: Chunks, seconds: float) -> Answer:
        """One attempt. A kept connection that turns out to be closed is not one: the next is taken."""
        deadline = time.monotonic() + seconds
        try:
            while True:  # at most once for each kept connection: a new one is never stale
                connection = self._kept() or await self._opened(seconds)
                try:
                    await connection.exchange(head, chunks, deadline - time.monotonic())
                except _Stale:
                    continue
                if connection.usable:
                    connection.idle_since = time.monotonic()
                    self._idle.append(connection)
                return self._answer(connection)
        except TimeoutError as exc:
            raise PredictorTimeout(f"The predictor at {self.authority} gave no answer within {seconds:.3g} s.") from exc
        except _Broken as exc:
            raise PredictorUnavailable(f"The predictor at {self.authority} broke the connection off.") from exc
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            raise PredictorFailed(f"The predictor at {self.authority} did not answer in HTTP.") from exc

    def _kept(self) -> _Connection | None:
        """An idle connection of the running event loop, if there is one; the one used last, so that others age."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._idle.clear()
            logger.info("REST to the predictor at %s", self.authority)
        oldest = time.monotonic() - _KEEP_ALIVE_SECONDS
        while self._idle and self._idle[0].idle_since < oldest:
            self._idle.popleft().close()
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    async def _opened(self, seconds: float) -> _Connection:
        try:
            async with asyncio.timeout(seconds):
                connection = await dial(_Connection, self._address, self._tls)
        except Unreachable as exc:
            raise Transient(
                PredictorUnavailable(f"The predictor at {self.authority} cannot be reached: {exc}.")
            ) from exc
        if not self._known:
            self._known = True
            logger.info(
                "opened a REST client to the predictor at http%s://%s", "s" if self._tls else "", self.authority
            )
        return connection

    def _answer(self, connection: _Connection) -> Answer:
        status, body = connection.status, connection.body
        if connection.headers.get("content-encoding", "identity") != "identity":
            body = self._unpacked(body)
        if 200 <= status < 300:
            return Answer(connection.headers, body)
        error = answers.error_of(status, body, self.authority)
        raise Transient(error) if status in answers.RETRYABLE_STATUSES else error

    def _unpacked(self, body: bytes) -> bytes:
        try:
            return zlib.decompress(body, _GZIP_OR_ZLIB)
        except zlib.error as exc:
            raise PredictorFailed(f"The predictor at {self.authority} answered in no encoding known here.") from exc
