"""V1 predictions put together until there are enough of them or the first has waited long enough.

Source: pkg/batcher/handler.go, whose answers are kept: what goes wrong with a batch is told in an answer 200.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

Forward = Callable[[str, bytes], Awaitable[tuple[int, bytes]]]
"""Path and body of one POST -> status and body of the answer."""

MAX_SIZE, MAX_LATENCY = 32, 5000


@dataclass
class _Waiting:
    instances: list[Any]
    answer: asyncio.Future[dict[str, Any]]


@dataclass
class Batcher:
    forward: Forward
    max_size: int = MAX_SIZE
    max_latency: int = MAX_LATENCY
    """Milliseconds."""
    _waiting: list[_Waiting] = field(default_factory=list)
    _path: str = ""
    _timer: asyncio.TimerHandle | None = None
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def predict(self, path: str, instances: list[Any]) -> dict[str, Any]:
        """The answer for these instances, out of the batch that they went in."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(instances, loop.create_future())
        self._waiting.append(waiting)
        self._path = path  # of the last request, as in KServe
        if sum(len(one.instances) for one in self._waiting) >= self.max_size:
            self._flush()
        elif self._timer is None:
            self._timer = loop.call_later(self.max_latency / 1000, self._flush)
        return await waiting.answer

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._waiting = self._waiting, []
        task = asyncio.create_task(self._send(self._path, batch))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _send(self, path: str, batch: list[_Waiting]) -> None:
        instances = [instance for one in batch for instance in one.instances]
        try:
            status, body = await self.forward(path, json.dumps({"instances": instances}).encode())
            predictions, message = _read(status, body, len(instances))
        except OSError as exc:
            predictions, message = None, str(exc)
        batch_id, start = str(uuid.uuid4()), 0
        for one in batch:
            end = start + len(one.instances)
            own = None if predictions is None else predictions[start:end]
            if not one.answer.done():  # its caller may have gone
                one.answer.set_result({"message": message, "batchId": batch_id, "predictions": own})
            start = end


def _read(status: int, body: bytes, size: int) -> tuple[list[Any] | None, str]:
    if status != 200:
        return None, body.decode(errors="replace")
    try:
        predictions = json.loads(body)["predictions"]
    except (ValueError, KeyError, TypeError) as exc:
        return None, f"the predictor's answer is no V1 answer: {exc}"
    if not isinstance(predictions, list) or len(predictions) != size:
        return None, "size of prediction is not equal to the size of instances"
    return predictions, ""
