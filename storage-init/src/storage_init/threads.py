"""The one place where blocking work leaves the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from storage_init.meter import Meter

Result = TypeVar("Result")


async def in_thread(meter: Meter, work: Callable[[], Result]) -> Result:
    """Run `work`, which advances `meter`, in a thread.

    On cancellation the thread is told to stop, and has stopped when this raises: nobody writes into a folder that is
    being removed.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        meter.stop()
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # looked at, so that it is not reported as never retrieved
        raise
