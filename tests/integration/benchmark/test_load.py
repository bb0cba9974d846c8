"""The load clients against servers that the tests write."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from benchmark.load import driver
from benchmark.load.driver import Aim
from benchmark.load.grpc_client import METHOD

BODY = b'{"instances": []}'


@pytest.fixture
def body(tmp_path) -> Path:
    path: Path = tmp_path / "body"
    path.write_bytes(BODY)
    return path


async def run(command: list[str]) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=driver.ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    found: dict[str, float] = json.loads([line for line in out.splitlines() if line.startswith(b"{")][-1])
    return found


@pytest.fixture
async def rest_server() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers each POST that carries BODY with 200, in two pieces, and any other with 400."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                good = await reader.readexactly(length) == BODY and b"/refused" not in head
                heads.append(head)
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{" % (200 if good else 400))
                await writer.drain()
                writer.write(b"}")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


def rest_clients() -> list[str]:
    return ["benchmark.load.rest", "wrk"]


@pytest.mark.parametrize("client", rest_clients())
@pytest.mark.parametrize("path", ["/v1/models/m:predict", "/refused"])
async def test_a_rest_client_posts_the_body_and_tells_good_answers_from_bad(
    client: str, path: str, rest_server, body, monkeypatch
) -> None:
    if client == "wrk" and not shutil.which("wrk"):
        pytest.skip("wrk is not installed")
    monkeypatch.setattr(driver, "client", lambda _wire: client)
    address, heads = rest_server
    found = await run(driver.command(Aim("v1", address, path, body), connections=2, seconds=1))
    assert found["total"] > 10
    assert all(head.startswith(b"POST " + path.encode()) and b"application/json" in head for head in heads)
    if path == "/refused":
        assert found["errors"] == found["total"]
    else:
        assert found["errors"] == 0
        assert found["p99_ms"] >= found["p50_ms"] > 0


async def test_a_server_that_hangs_up_gives_errors_and_no_hang(body) -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        arguments = ["--url", url, "--body", str(body), "--connections", "2", "--seconds", "0.3"]
        found = await run([sys.executable, "-m", "benchmark.load.rest", *arguments])
    assert found["requests"] == 0
    assert 0 < found["errors"] < 200


@pytest.fixture
async def grpc_server() -> AsyncIterator[tuple[str, set[str]]]:
    """Echoes bytes on ModelInfer, and keeps the callers' addresses."""
    peers: set[str] = set()

    async def echo(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        peers.add(context.peer())
        if request != BODY:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "another body")
        return request

    service, _, name = METHOD[1:].rpartition("/")
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(echo)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}", peers
    await server.stop(None)


async def test_the_grpc_client_takes_a_connection_for_each(grpc_server, body) -> None:
    address, peers = grpc_server
    found = await run(driver.command(Aim("grpc", address, "/", body), connections=3, seconds=0.5))
    assert found["errors"] == 0
    assert found["requests"] > 10
    assert len(peers) == 3


async def test_grpc_errors_are_counted(grpc_server, body) -> None:
    body.write_bytes(b"another")
    found = await run(driver.command(Aim("grpc", grpc_server[0], "/", body), connections=1, seconds=0.3))
    assert found["requests"] == 0
    assert found["errors"] > 0
