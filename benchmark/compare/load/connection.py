"""One connection with one request in flight, over HTTP/1.1 or gRPC: the same bytes each time, made before.

Answers are kept as bytes. What is timed is the wire, on both sides alike: nothing is serialised or parsed in it.
"""

import asyncio
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import grpc
import httptools

METHOD = "/inference.GRPCInferenceService/ModelInfer"
ANSWER_SECONDS = 30.0
LARGEST = 64 << 20
PAUSE = 0.02
"""Seconds after a refusal, so that a server that refuses at once does not make this a busy loop."""


@dataclass(frozen=True)
class Target:
    """Where requests go and what they are. `url` is http(s)://host:port; `host` is the Host header and :authority."""

    name: str
    transport: str  # "http" or "grpc"
    url: str
    host: str
    path: str
    headers: dict[str, str]
    body: Path
    method: str = "POST"

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (443 if self.secure else 80)

    @property
    def secure(self) -> bool:
        return self.url.startswith("https:")


class Connection(Protocol):
    """`answer` is the last one's body, `timing` its Server-Timing or empty, `header` the length of its JSON part."""

    @property
    def answer(self) -> bytes: ...
    @property
    def timing(self) -> str: ...
    @property
    def json_length(self) -> str: ...
    async def open(self) -> None: ...
    async def ask(self) -> str | None: ...
    async def close(self) -> None: ...


def connection(target: Target) -> Connection:
    return GrpcConnection(target) if target.transport == "grpc" else HttpConnection(target)


class HttpConnection(asyncio.Protocol):
    """HTTP/1.1, kept alive. The body is gathered in pieces and joined when somebody looks at it."""

    def __init__(self, target: Target) -> None:
        body = target.body.read_bytes()
        fields = {"Host": target.host, **target.headers, "Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._request = f"{target.method} {target.path} HTTP/1.1\r\n{head}\r\n".encode() + body
        self._target = target
        self._answer: asyncio.Future[str | None] | None = None
        self._pieces: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self.timing, self.json_length = "", ""

    @property
    def answer(self) -> bytes:
        return b"".join(self._pieces)

    async def open(self) -> None:
        secure = ssl.create_default_context() if self._target.secure else None
        await asyncio.get_running_loop().create_connection(lambda: self, *self._target.address, ssl=secure)

    async def ask(self) -> str | None:
        if self._transport is None or self._transport.is_closing():
            await asyncio.sleep(PAUSE)
            if fault := await _reached(self.open()):
                return fault
        self._answer = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._pieces, self.timing, self.json_length = [], "", ""
        assert self._transport is not None  # noqa: S101  # connection_made was called, or open() failed
        self._transport.write(self._request)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._answer
        except TimeoutError:
            self._transport.abort()
            return f"no answer within {ANSWER_SECONDS:g} s"

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as exc:
            self._settle(f"no HTTP: {exc}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle("the connection was closed before the answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 13 and name.lower() == b"server-timing":
            self.timing = value.decode("latin-1")
        elif len(name) == 31 and name.lower() == b"inference-header-content-length":
            self.json_length = value.decode("latin-1")

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        self._settle(None if status == 200 else f"{status}: {_excerpt(self.answer)}")

    def _settle(self, fault: str | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(fault)


class GrpcConnection:
    """A channel that shares its connection with no other."""

    def __init__(self, target: Target) -> None:
        options: list[tuple[str, Any]] = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_receive_message_length", LARGEST),
            ("grpc.max_send_message_length", LARGEST),
        ]
        if target.host:
            options.append(("grpc.default_authority", target.host))
        address = "{}:{}".format(*target.address)
        self._channel = (
            grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(), options)
            if target.secure
            else grpc.aio.insecure_channel(address, options)
        )
        self._call = self._channel.unary_unary(target.path, request_serializer=None, response_deserializer=None)
        self._request = target.body.read_bytes()
        self._last: Any = None
        self.answer, self.json_length = b"", ""

    @property
    def timing(self) -> str:
        trailers = self._last or ()
        return next((str(value) for key, value in trailers if key == "server-timing"), "")

    async def open(self) -> None:
        """Channels connect by themselves, with the first call."""

    async def ask(self) -> str | None:
        call = self._call(self._request, timeout=ANSWER_SECONDS)
        try:
            self.answer = await call
            self._last = await call.trailing_metadata()
        except grpc.aio.AioRpcError as exc:
            self._last = None
            if exc.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                return f"no answer within {ANSWER_SECONDS:g} s"
            await asyncio.sleep(PAUSE)
            return f"{exc.code().name}: {exc.details()}"
        return None

    async def close(self) -> None:
        await self._channel.close(None)


async def _reached(opening: Awaitable[None]) -> str | None:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await opening
    except OSError as exc:
        return f"nobody answers at the address: {exc}"
    return None


def _excerpt(body: bytes) -> str:
    return " ".join(body[:200].decode(errors="replace").split()) or "no body"
