"""What the API asks of what runs: the objects that are only shown, and the lines of a container's log."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from isvc.backends.stack import Backend, LogLine
from isvc.server.errors import BadRequest, NotFound
from isvc.server.pods import KSERVE_CONTAINER, Container, Pod, pods
from isvc.server.resources import PODS, Object, Resource
from isvc.server.status import timestamp
from isvc.server.views import Shown, objects

_QUEUED = 1000


@dataclass(slots=True)
class RunningViews:
    """`shown` tells what runs now."""

    shown: Callable[[], Sequence[Shown]]
    backend: Backend

    async def list(self, resource: Resource, namespace: str | None) -> list[Object]:
        return objects(resource, [each for each in self.shown() if namespace in (None, each.service.plan.namespace)])

    def logs(
        self,
        namespace: str,
        pod: str,
        container: str | None,
        *,
        follow: bool,
        tail: int | None,
        since: float | None,
        timestamps: bool,
    ) -> AsyncIterator[bytes]:
        unit = self._unit(namespace, pod, container)
        lines = _Lines(self.backend, unit, tail, follow)
        return _text(lines, since, timestamps)

    def _unit(self, namespace: str, name: str, container: str | None) -> str:
        """The key of the unit that a container is."""
        for each in self.shown():
            for pod in pods(each.service.plan):
                if (each.service.plan.namespace, pod.name) == (namespace, name):
                    return f"{each.service.key}/{_choose(pod, container).unit.name}"
        raise NotFound.of(PODS, name)


def _choose(pod: Pod, name: str | None) -> Container:
    """The container called `name`; without one, the only one or the one that serves."""
    if name is None:
        serving = (each for each in pod.containers if each.name == KSERVE_CONTAINER)
        return next(serving, (*pod.containers, *pod.before)[0])
    for each in (*pod.containers, *pod.before):
        if each.name == name:
            return each
    raise BadRequest(f"container {name} is not valid for pod {pod.name}", PODS, pod.name)


async def _text(lines: _Lines, since: float | None, timestamps: bool) -> AsyncIterator[bytes]:
    try:
        async for line in lines:
            if since is None or line.time >= since:
                head = f"{timestamp_of_line(line.time)} " if timestamps else ""
                yield f"{head}{line.text}\n".encode()
    finally:
        lines.close()


def timestamp_of_line(seconds: float) -> str:
    whole = timestamp(seconds).removesuffix("Z")
    return f"{whole}.{int(seconds % 1 * 1_000_000):06d}Z"


@dataclass(slots=True)
class _Lines:
    """A backend's log lines, which block, read in a thread for one who waits without blocking."""

    backend: Backend
    unit: str
    tail: int | None
    follow: bool
    _queue: asyncio.Queue[LogLine | None] = field(default_factory=lambda: asyncio.Queue(_QUEUED))
    _closed: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        self._closed.set()

    async def __aiter__(self) -> AsyncIterator[LogLine]:
        # A thread of its own: followers may be many and stay long.
        threading.Thread(target=self._read, args=(asyncio.get_running_loop(),), daemon=True).start()
        while (line := await self._queue.get()) is not None:
            yield line

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        lines = self.backend.logs([self.unit], self.tail, self.follow, self._closed.is_set)
        for line in lines:
            if not self._put(line, loop):
                return
        self._put(None, loop)

    def _put(self, line: LogLine | None, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether somebody still reads."""
        putting = asyncio.run_coroutine_threadsafe(self._queue.put(line), loop)
        while not self._closed.is_set():
            try:
                putting.result(timeout=0.2)
            except TimeoutError:
                continue
            return True
        putting.cancel()
        return False
