"""Events on their way to a sink: a queue with a bound and a few workers. As in KServe an event is sent once."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp

from kserve_agent.events import Event

logger = logging.getLogger(__name__)

_QUEUE, _WORKERS = 100, 5
_TIMEOUT = aiohttp.ClientTimeout(total=30)
_DRAIN = 5.0
"""Seconds for what is still in the queue when the agent ends."""


@dataclass
class EventSender:
    url: str
    session: aiohttp.ClientSession
    _queue: asyncio.Queue[Event] = field(default_factory=lambda: asyncio.Queue(_QUEUE))
    _workers: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        self._workers = [asyncio.create_task(self._work()) for _ in range(_WORKERS)]

    async def send(self, event: Event) -> None:
        """Waits while the queue is full, which holds the request back, as KServe's does."""
        await self._queue.put(event)

    async def close(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN):
                await self._queue.join()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            event = await self._queue.get()
            try:
                await self._post(event)
            finally:
                self._queue.task_done()

    async def _post(self, event: Event) -> None:
        try:
            async with self.session.post(self.url, data=event.body, headers=event.headers, timeout=_TIMEOUT) as answer:
                if answer.status >= 300:
                    logger.warning("the sink %s answered %s to an event", self.url, answer.status)
        except (aiohttp.ClientError, TimeoutError) as exc:
            logger.warning("an event did not reach %s: %s", self.url, exc)
