"""What a ClusterIP Service does: one address for several instances, a connection at a time to the next that takes it.

It knows nothing of what is said on a connection: REST and gRPC are the same to it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

CONNECT = 2.0
"""Seconds that an instance has to take a connection."""
_CHUNK = 64 * 1024
_UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Balancer:
    instances: Sequence[str]
    """`host:port` of each."""
    refusal: bytes = _UNAVAILABLE
    """What a caller is told when no instance takes its connection; nothing, where that is not HTTP/1."""
    _next: int = field(default=0, init=False)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            instance = await self._connect()
            if instance is None:
                writer.write(self.refusal)
                await writer.drain()
                return
            await _join(reader, writer, *instance)
        except OSError:
            pass  # one of the two has gone; the other sees its end
        finally:
            await _closed(writer)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """To the next instance that takes it; None where none does."""
        for _ in self.instances:
            host, _, port = self.instances[self._next % len(self.instances)].rpartition(":")
            self._next += 1
            try:
                async with asyncio.timeout(CONNECT):
                    return await asyncio.open_connection(host, int(port))
            except (OSError, TimeoutError):
                continue
        return None


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
) -> None:
    """Until either side ends: a caller that has gone wants no answer, and one without an instance gets none."""
    ways = [asyncio.create_task(_copy(reader, far_writer)), asyncio.create_task(_copy(far_reader, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await way
        await _closed(far_writer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
