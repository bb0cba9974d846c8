"""One initializer at a time for a destination, over processes and containers of one machine: flock(2) on a file.

The kernel lets go of the lock however its holder ends, so a killed run blocks nobody. The file is removed by whoever
holds the lock; a waiter that gets a lock on a removed file starts again.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator
from pathlib import Path

from storage_init.meter import Say

_LOOK_AGAIN = 0.1


@contextlib.asynccontextmanager
async def exclusive(path: Path, say: Say) -> AsyncIterator[None]:
    """Hold `path`, after whoever holds it now. The wait is bounded by the deadline of the run."""
    descriptor = _try(path)
    if descriptor is None:
        say(f"waiting for another storage initializer to let go of {path}")
    while descriptor is None:
        await asyncio.sleep(_LOOK_AGAIN)
        descriptor = _try(path)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108 - what Path.unlink does, without a thread: it takes no time
        os.close(descriptor)


def _try(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _still_there(path, descriptor):
            return descriptor
    except BlockingIOError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
