"""Connections go to the instances in turn, past one that takes none; bytes go both ways as they are."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kserve_agent.balance import Balancer


@asynccontextmanager
async def _instance(name: bytes) -> AsyncIterator[str]:
    """A server that answers each line with its name and the line."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(name + b" " + line)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield _address(server)
    finally:
        await _ended(server)


async def _ended(server: asyncio.Server) -> None:
    """Its connections too, which have nothing left to wait for."""
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        _, pending = await asyncio.wait(others, timeout=10)
        assert not pending


def _address(server: asyncio.Server) -> str:
    host, port = server.sockets[0].getsockname()
    return f"{host}:{port}"


async def _ask(address: str, *lines: bytes) -> list[bytes]:
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(host, int(port))
        answers = []
        for line in lines:
            writer.write(line + b"\n")
            answers.append((await reader.readline()).rstrip())
        writer.close()
        await writer.wait_closed()
        return answers


def _nobody() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


@asynccontextmanager
async def _balanced(*instances: str, **more: bytes) -> AsyncIterator[str]:
    server = await asyncio.start_server(Balancer(instances, **more).handle, "127.0.0.1", 0)
    try:
        yield _address(server)
    finally:
        await _ended(server)


async def test_each_connection_goes_to_the_next_instance_and_stays_there() -> None:
    async with _instance(b"a") as a, _instance(b"b") as b, _balanced(a, b) as address:
        assert [await _ask(address, b"1", b"2") for _ in range(4)] == [[b"a 1", b"a 2"], [b"b 1", b"b 2"]] * 2


async def test_an_instance_that_takes_no_connection_is_passed_over() -> None:
    async with _instance(b"a") as a, _balanced(_nobody(), a) as address:
        assert [await _ask(address, b"1") for _ in range(3)] == [[b"a 1"]] * 3


async def test_without_any_instance_a_caller_is_told_503() -> None:
    async with _balanced(_nobody(), _nobody()) as address:
        assert await _ask(address, b"GET / HTTP/1.1") == [b"HTTP/1.1 503 Service Unavailable"]


async def test_without_any_instance_a_caller_of_grpc_is_hung_up_on() -> None:
    async with _balanced(_nobody(), refusal=b"") as address:
        assert await _ask(address, b"PRI") == [b""]
