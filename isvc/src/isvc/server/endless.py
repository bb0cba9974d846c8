"""Answers that have no end of their own, and have to have one when the API ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator


async def until(ending: asyncio.Event, lines: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """`lines` as they come, until there are no more or `ending` is set."""
    end = asyncio.ensure_future(ending.wait())
    following: asyncio.Future[bytes | None] | None = None
    try:
        while True:
            following = asyncio.ensure_future(_next(lines))
            await asyncio.wait({following, end}, return_when=asyncio.FIRST_COMPLETED)
            line = following.result() if following.done() else None
            if line is None:
                return
            yield line
    finally:
        left = [task for task in (end, following) if task is not None and not task.done()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await lines.aclose()


async def _next(lines: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(lines, None)
