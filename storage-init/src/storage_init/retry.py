"""Trying again what a store may do the next time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from storage_init.errors import FetchInterrupted

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
_LONGEST_RETRY_AFTER = 30.0


class Patience:
    """How often a thing is tried again: after each of the waits `backoff`, begun anew when an attempt got somewhere."""

    def __init__(self, backoff: Sequence[float]) -> None:
        self._backoff = backoff
        self._used = 0

    def renew(self) -> None:
        self._used = 0

    async def bear(self, failure: FetchInterrupted) -> None:
        """Wait before the next attempt; raises `failure` where there is to be none."""
        if self._used >= len(self._backoff):
            raise failure
        pause = max(self._backoff[self._used], min(failure.retry_after or 0.0, _LONGEST_RETRY_AFTER))
        self._used += 1
        logger.warning("%s Trying again in %.1f s.", failure, pause)
        await asyncio.sleep(pause)


async def persist(backoff: Sequence[float], attempt: Callable[[], Awaitable[Result]]) -> Result:
    """What `attempt` gives, tried again while it raises FetchInterrupted and `backoff` has waits left."""
    patience = Patience(backoff)
    while True:
        try:
            return await attempt()
        except FetchInterrupted as exc:
            await patience.bear(exc)
