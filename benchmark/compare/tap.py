"""A TCP relay that counts: how many bytes a request takes on the wire, and which protocol it really is.

It stands between two servers in a phase of its own and never in a timed one.
"""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmark.compare.arms import ArmName

_CHUNK = 1 << 16
_HEAD = 4096
_START_SECONDS = 10.0
_BINARY = re.compile(rb"(?i)inference-header-content-length:")


@dataclass
class Tap:
    """What has passed. `up` is towards the server."""

    port: int = 0
    up: int = 0
    down: int = 0
    connections: int = 0
    heads: list[bytes] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    relays: "set[asyncio.Task[None]]" = field(default_factory=set)

    @property
    def total(self) -> int:
        return self.up + self.down

    def protocols(self) -> set[ArmName]:
        """The protocols of the inference requests that have passed; probes are none."""
        return {found for found in map(protocol, self.heads) if found is not None}


def protocol(head: bytes) -> ArmName | None:
    """Which protocol a piece of a connection shows, if it is one where a request starts."""
    if head.startswith(b"PRI * HTTP/2.0"):
        return "grpc"
    if not head.startswith(b"POST "):
        return None
    if head.startswith(b"POST /v1/"):
        return "v1"
    return "v2-binary" if _BINARY.search(head) else "v2-json"


@contextmanager
def tapping(host: str, port: int) -> Iterator[Tap]:
    """A relay to `host`:`port` on a free port of the loopback address, in a thread of its own."""
    tap, ready = Tap(), threading.Event()
    stops: list[Callable[[], object]] = []

    async def main() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        server = await asyncio.start_server(lambda reader, writer: _relay(tap, reader, writer, host, port), "127.0.0.1")
        tap.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        for writer in tap.writers:
            writer.close()  # after which both directions read an end
        if tap.relays:
            await asyncio.wait(tap.relays, timeout=_START_SECONDS)

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    try:
        if not ready.wait(_START_SECONDS):
            raise OSError("the relay that counts bytes did not start")
        yield tap
    finally:
        for stop in stops:
            stop()
        thread.join(_START_SECONDS)


async def _relay(tap: Tap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    tap.connections += 1
    if (task := asyncio.current_task()) is not None:
        tap.relays.add(task)
    tap.writers.append(writer)
    try:
        to_reader, to_writer = await asyncio.open_connection(host, port)
    except OSError:
        writer.close()
        return
    tap.writers.append(to_writer)
    try:
        await asyncio.gather(_pass_up(tap, reader, to_writer), _pass_down(tap, to_reader, writer))
    finally:
        for end in (writer, to_writer):
            end.close()


async def _pass_up(tap: Tap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await _read(reader):
        tap.up += len(data)
        if data.startswith((b"PRI ", b"POST ")):
            tap.heads.append(data[:_HEAD])
        writer.write(data)
    writer.close()


async def _pass_down(tap: Tap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await _read(reader):
        tap.down += len(data)
        writer.write(data)
    writer.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(_CHUNK)
    except ConnectionError:
        return b""
