"""Asking a unit whether it is ready. HTTP by hand: a GET and the first line of the answer need no client library."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

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
    await _until(lambda: _holds(check))


async def until_answered(address: str, host: str, status: int) -> None:
    """Returns when `address` answers a GET for `host` with `status`. The caller bounds the wait."""

    async def answered() -> bool:
        return await _answer(address, host, "/") == status

    await _until(answered)


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    pause = _FIRST_PAUSE
    while not await holds():
        await asyncio.sleep(pause)
        pause = min(pause * 1.1, _LONGEST_PAUSE)


async def _holds(check: Check) -> bool:
    answer = await _answer(check.address, check.address, check.path)
    return answer is not None and (check.path is None or answer == 200)


async def _answer(address: str, host: str, path: str | None) -> int | None:
    """The status of a GET `path`; with None, 0 if a connection is taken. None where there is no answer."""
    name, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(_ATTEMPT):
            reader, writer = await asyncio.open_connection(name, int(port))
            try:
                return 0 if path is None else await _status(reader, writer, host, path)
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError, IndexError):
        return None


async def _status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str) -> int:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
    return int((await reader.readline()).split(b" ", 2)[1])
