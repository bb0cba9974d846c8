"""A predictor that knows nothing of modelapi: it keeps every request, and answers as it is told."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from aiohttp import web

from modelapi.config import PredictorConfig
from modelapi.predictors import connect
from modelapi.types import InferInput, InferRequest

PREDICT = "/v1/models/mnist:predict"
INFER = "/v2/models/mnist/infer"
ANSWER_V2 = {
    "model_name": "mnist",
    "model_version": "1",
    "id": "7",
    "outputs": [{"name": "OUTPUT__0", "shape": [1, 2], "datatype": "FP32", "data": [0.5, 1.5]}],
}
Handler = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


class Witness:
    """A predictor of aiohttp.web that keeps every request and answers by its handlers."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.handlers: dict[str, Handler] = {}
        self.host = ""

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        body = await request.content.read()  # of any size, as `request.read()` is not
        self.bodies.append(body)
        handler = self.handlers.get(request.raw_path)
        return await handler(request, body) if handler else web.json_response({"error": "no such route"}, status=404)

    def answers(self, path: str, value: Any, status: int = 200, **headers: str) -> None:
        async def handler(_request: web.Request, _body: bytes) -> web.Response:
            return web.json_response(value, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

        self.handlers[path] = handler


@asynccontextmanager
async def serving() -> AsyncIterator[Witness]:
    """A Witness that listens."""
    witness = Witness()
    runner = web.ServerRunner(web.Server(witness), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    witness.host = f"{host}:{port}"
    try:
        yield witness
    finally:
        await runner.cleanup()


@asynccontextmanager
async def predictor(host: str, protocol: str = "v1", **settings: Any) -> AsyncIterator[Any]:
    hop = connect(PredictorConfig(host, protocol, **settings))
    try:
        yield hop
    finally:
        await hop.close()


@asynccontextmanager
async def raw_server(*connections: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> Any:
    """A TCP server that handles its first connection with the first handler, and so on; the last one is repeated."""
    script = list(connections)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = script.pop(0) if len(script) > 1 else script[0]
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)


async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 19\r\n\r\n{"predictions":[2]}')
    await writer.drain()


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, as a process that is killed does."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def closed_port() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{sock.getsockname()[1]}"


def request_of(array: np.ndarray, name: str = "INPUT__0") -> InferRequest:
    tensor = InferInput(name, list(array.shape), "FP32")
    tensor.set_data_from_numpy(array)
    return InferRequest("mnist", [tensor], request_id="7")
