"""The engine against servers whose times are known: its percentiles are right, and a stall is charged for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest

from benchmark.compare.load.connection import METHOD, Target
from benchmark.compare.load.crew import Crew, Load, crew
from benchmark.compare.quantiles import exact

STALL = 1.0
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nserver-timing: predict;dur=1.5\r\n\r\n{}"


class Sleeper:
    """An HTTP server that answers after the next of `delays`, from the moment the request came; the clock is its own.

    `stalls` holds the number of the request at which everything stands still for STALL seconds.
    """

    def __init__(self, delays: list[float], stall: int | None = None) -> None:
        self.delays, self.stall, self.count = delays, stall, 0
        self.taken: list[float] = []
        self._until = 0.0
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        self.writers.append(writer)
        while head := await _head(reader):
            came = loop.time()
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]))
            number, self.count = self.count, self.count + 1
            if number == self.stall:
                self._until = loop.time() + STALL
            await asyncio.sleep(max(self.delays[number % len(self.delays)], self._until - loop.time()))
            writer.write(ANSWER)
            self.taken.append(loop.time() - came)
        writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


@contextmanager
def serving(sleeper: Sleeper) -> Iterator[int]:
    """The server in a thread of its own."""
    port: futures.Future[int] = futures.Future()
    stops: list[Callable[[], object]] = []

    async def main() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        server = await asyncio.start_server(sleeper.serve, "127.0.0.1", 0)
        port.set_result(server.sockets[0].getsockname()[1])
        await stop.wait()
        server.close()
        for writer in sleeper.writers:
            writer.close()
        await asyncio.sleep(0.05)  # the loop closes the sockets in its next turns

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        yield port.result(10)
    finally:
        stops[0]()
        thread.join(10)


@pytest.fixture
def body(tmp_path: Path) -> Path:
    (tmp_path / "body").write_bytes(b"{}")
    return tmp_path / "body"


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Crew]:
    with crew(2, tmp_path / "crew.log") as made:
        yield made


def http(port: int, body: Path) -> Target:
    return Target("t", "http", f"http://127.0.0.1:{port}", "x.example.com", "/v1/models/m:predict", {}, body)


def test_percentiles_of_a_server_that_sleeps_a_known_time_are_right_within_two_percent(
    clients: Crew, body: Path
) -> None:
    sleeper = Sleeper([0.25] * 4 + [0.5])
    with serving(sleeper) as port:
        seen = clients.send(Load(http(port, body), connections=20, seconds=3.0))
    assert seen.errors == 0
    assert len(seen.ended) >= 150
    for quantile in (0.5, 0.9):
        measured, true = exact(seen.latencies, quantile), exact(np.asarray(sleeper.taken), quantile)
        assert measured == pytest.approx(true, rel=0.02)


def test_a_stall_shows_in_the_open_loop_and_not_in_the_uncorrected_percentile(clients: Crew, body: Path) -> None:
    with serving(Sleeper([0.002], stall=150)) as port:
        seen = clients.send(Load(http(port, body), connections=2, seconds=3.0, rate=200, seed=4))
    assert seen.errors == 0
    assert seen.dropped == 0
    corrected, uncorrected = exact(seen.latencies, 0.9), exact(seen.uncorrected, 0.9)
    assert corrected is not None
    assert uncorrected is not None
    assert corrected > 0.3 * STALL
    assert uncorrected < 0.1 * STALL


def test_an_open_loop_sends_what_its_seed_says(clients: Crew, body: Path) -> None:
    with serving(Sleeper([0.001])) as port:
        load = Load(http(port, body), connections=4, seconds=1.0, rate=100, seed=9)
        first, second = clients.send(load), clients.send(load)
    assert sorted(first.intended) == sorted(second.intended)
    assert 60 < len(first.intended) < 150


def test_a_closed_loop_notes_the_timings_and_the_answer(clients: Crew, body: Path) -> None:
    with serving(Sleeper([0.001])) as port:
        seen = clients.send(Load(http(port, body), connections=2, seconds=0.3))
    assert seen.answer == b"{}"
    assert set(seen.timings) == {"predict;dur=1.5"}
    assert seen.client_cpu >= 0


def test_a_target_of_the_same_name_at_another_address_is_another_target(clients: Crew, body: Path) -> None:
    for _ in range(2):
        with serving(Sleeper([0.001])) as port:
            assert clients.send(Load(http(port, body), connections=2, seconds=0.1)).errors == 0


def test_nobody_at_the_address_is_an_error_in_words(clients: Crew, body: Path) -> None:
    seen = clients.send(Load(http(9, body), connections=1, seconds=0.1))
    assert seen.errors == len(seen.ended) > 0
    assert "nobody answers at the address" in seen.faults[0]
    assert seen.rate == 0


def test_grpc_goes_over_a_connection_of_its_own_for_every_user(clients: Crew, body: Path) -> None:
    peers: set[str] = set()

    def infer(request: bytes, context: grpc.ServicerContext) -> bytes:
        peers.add(context.peer())
        context.set_trailing_metadata((("server-timing", "predict;dur=2"),))
        return b"answer"

    server = grpc.server(futures.ThreadPoolExecutor(4))
    handler = grpc.unary_unary_rpc_method_handler(infer)
    service, _, method = METHOD[1:].partition("/")
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        target = Target("g", "grpc", f"http://127.0.0.1:{port}", "x.example.com", METHOD, {}, body)
        seen = clients.send(Load(target, connections=3, seconds=0.3))
    finally:
        server.stop(0).wait(10)
    assert seen.errors == 0
    assert seen.answer == b"answer"
    assert "predict;dur=2" in seen.timings
    assert len(peers) == 3
