"""A gRPC channel to one predictor (gRPC's "gRPC over HTTP2"): unary calls, on a connection that is opened when it is
needed and again when it is gone.
"""

import asyncio
import logging
import math
import ssl
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from modelapi.predictors.address import Address
from modelapi.predictors.dial import Chunks, Unreachable, dial
from modelapi.predictors.frames import CANCEL, REFUSED_STREAM, literal
from modelapi.predictors.http2 import Answer, Broken, Connection, Headers, Refused, Reset

logger = logging.getLogger(__name__)

OK, CANCELLED, UNKNOWN, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 0, 1, 2, 8, 12, 13, 14

_SERVICE = "inference.GRPCInferenceService"
_MOST_REFUSALS = 3  # a predictor that is being replaced refuses once; one that always does is not available
_PREFIX = struct.Struct(">BI")  # of a message: compressed or not, length
_LARGEST_MESSAGE = 2**32 - 1
_LONGEST_TIMEOUT = 99_999_999  # grpc-timeout has eight digits
# gRPC's own table for an answer that is HTTP's alone ("HTTP to gRPC Status Code Mapping").
_OF_HTTP = {400: INTERNAL, 401: 16, 403: 7, 404: UNIMPLEMENTED, 429: 14, 502: 14, 503: 14, 504: 14}
_OF_RESET = {REFUSED_STREAM: UNAVAILABLE, CANCEL: CANCELLED, 0xB: RESOURCE_EXHAUSTED, 0xC: 7}


@dataclass(slots=True)
class Reply:
    """What became of a call: gRPC's status, its words, the metadata before the message, and the message."""

    status: int
    details: str
    metadata: Headers
    message: memoryview


class GrpcChannel:
    """Calls of the inference service at one address."""

    def __init__(self, address: Address, tls: ssl.SSLContext | None) -> None:
        self._address = address
        self._tls = tls
        self._connection: Connection | None = None
        self._opening: asyncio.Task[Connection] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def call(self, method: str, message: Chunks, metadata: Mapping[str, str], seconds: float) -> Reply:
        """The reply, whatever its status; `message` is one message in pieces.

        Raises:
            Unreachable: there is no connection, or none that takes the call.
            TimeoutError: no reply within `seconds`.
        """
        fields = [literal(name, value) for name, value in metadata.items()]
        block = b"".join((self._common(method), _timeout(seconds), *fields))
        body = (_PREFIX.pack(0, sum(map(len, message))), *message)
        for _ in range(_MOST_REFUSALS):
            connection = self._connection
            if connection is None or not connection.usable or self._loop is not asyncio.get_running_loop():
                async with asyncio.timeout(seconds):
                    connection = await self._opened()
            try:
                return _reply(await connection.request(block, body, seconds))
            except Refused:
                continue
            except Reset as exc:
                return _without_message(_OF_RESET.get(exc.code, INTERNAL), str(exc))
            except Broken as exc:
                return _without_message(UNAVAILABLE, str(exc))
        raise Unreachable("it takes no calls")

    def close(self) -> None:
        """Close the connection. A later call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @lru_cache(8)  # noqa: B019 -- a channel lives as long as its server
    def _common(self, method: str) -> bytes:
        headers = {
            ":method": "POST",
            ":scheme": "https" if self._tls else "http",
            ":path": f"/{_SERVICE}/{method}",
            ":authority": str(self._address),
            "te": "trailers",
            "content-type": "application/grpc",
            "user-agent": "modelapi",
        }
        return b"".join(literal(name, value) for name, value in headers.items())

    async def _opened(self) -> Connection:
        """The connection of the running event loop; those who need one at the same time get the same."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._opening, self._connection = loop, None, None
        if self._opening is None:
            self._opening = loop.create_task(dial(Connection, self._address, self._tls), name="dial the predictor")
            self._opening.add_done_callback(self._keep)
        return await asyncio.shield(self._opening)

    def _keep(self, opening: "asyncio.Task[Connection]") -> None:
        if opening is self._opening:
            self._opening = None
            if not opening.cancelled() and opening.exception() is None:
                self._connection = opening.result()
                logger.info("opened a gRPC channel to the predictor at %s", self._address)


@lru_cache(64)
def _timeout_field(milliseconds: int) -> bytes:
    return literal("grpc-timeout", f"{milliseconds}m")


def _timeout(seconds: float) -> bytes:
    """The grpc-timeout header; nothing where the wait is as good as endless."""
    milliseconds = math.ceil(seconds * 1000) if math.isfinite(seconds) else 0
    return _timeout_field(milliseconds) if 0 < milliseconds <= _LONGEST_TIMEOUT else b""


def _reply(answer: Answer) -> Reply:
    status = answer.trailers.get("grpc-status")
    if status is None:
        return _of_http(answer.headers.get(":status", ""), ended=not answer.trailers)
    if status != "0":
        code = int(status) if status.isdecimal() else UNKNOWN
        return _without_message(code, unquote(answer.trailers.get("grpc-message", "")))
    body = memoryview(answer.body)
    compressed, length = _PREFIX.unpack_from(body) if len(body) >= _PREFIX.size else (0, -1)
    if compressed or length != len(body) - _PREFIX.size:
        return _without_message(INTERNAL, "the answer is not one plain message")
    return Reply(OK, "", answer.headers, body[_PREFIX.size :])


def _of_http(status: str, ended: bool) -> Reply:
    if status == "200" and ended:
        return _without_message(INTERNAL, "the answer ended without a gRPC status")
    code = _OF_HTTP.get(int(status) if status.isdecimal() else 0, UNKNOWN)
    return _without_message(code, f"it answered HTTP {status}, not gRPC")


def _without_message(status: int, details: str) -> Reply:
    return Reply(status, details, {}, memoryview(b""))
