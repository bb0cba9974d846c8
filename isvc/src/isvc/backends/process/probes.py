"""Asking a unit whether it is ready. HTTP by hand: a GET and the first line of the answer need no client library."""

from __future__ import annotations

import asyncio

from isvc.backends.process.binding import Check

_ATTEMPT = 5.0
"""Seconds for one answer."""
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.1
"""Seconds between attempts: short at first, as most units are ready within a second; then easy on a slow one's log."""


async def until_ready(check: Check) -> None:
    """Returns when `check` holds. The caller bounds the wait: by the life of the process, and its own."""
    if not check.address:
        return  # it serves nobody: that it runs is all
    pause = _FIRST_PAUSE
    while not await _holds(check):
        await asyncio.sleep(pause)
        pause = min(pause * 1.1, _LONGEST_PAUSE)


async def _holds(check: Check) -> bool:
    host, _, port = check.address.rpartition(":")
    try:
        async with asyncio.timeout(_ATTEMPT):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                return check.path is None or await _answers_200(reader, writer, check.address, check.path)
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return False


async def _answers_200(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str) -> bool:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
    version_status = (await reader.readline()).split(b" ", 2)[:2]
    return version_status[-1:] == [b"200"]
