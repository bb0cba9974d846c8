"""`python -m benchmark.compare.load.worker`: one client process. Orders come as JSON lines, so do the results.

Connections are made with the first order for a target and kept, so that later blocks of it start warm.
"""

import asyncio
import base64
import gc
import json
import selectors
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.compare import schedule
from benchmark.compare.load import loops
from benchmark.compare.load.connection import Connection, Target, connection

READY = "ready"
MOST_FAULTS = 5


@dataclass(frozen=True)
class Order:
    """One load on one target: an open loop with `rate`, a closed one without; `begin` is a monotonic time."""

    target: Target
    connections: int
    begin: float
    seconds: float
    rate: float | None
    seed: int

    @classmethod
    def of(cls, line: str) -> "Order":
        fields = json.loads(line)
        target = fields.pop("target")
        return cls(Target(**{**target, "body": Path(target["body"])}), **fields)


class Worker:
    """The connections that were made, by target."""

    def __init__(self) -> None:
        self._made: dict[str, list[Connection]] = {}

    async def carry_out(self, order: Order) -> dict[str, Any]:
        connections = await self._connections(order.target, order.connections)
        timings: list[str] = []
        asks = [_asking(each, timings) for each in connections]
        gc.collect()
        gc.disable()
        try:
            if order.rate is None:
                noted = await loops.closed(asks, order.begin, order.seconds)
            else:
                times = schedule.poisson(order.rate, order.seconds, order.seed)
                noted = await loops.open_loop(asks, order.begin, times)
        finally:
            gc.enable()
        return _reply(noted, timings, connections[0] if connections else None)

    async def _connections(self, target: Target, count: int) -> list[Connection]:
        made = self._made.setdefault(f"{target.name} {target.url}", [])
        while len(made) < count:
            one = connection(target)
            made.append(one)
        return made[:count]

    async def close(self) -> None:
        for made in self._made.values():
            for one in made:
                await one.close()


def _asking(one: Connection, timings: list[str]) -> loops.Ask:
    async def ask() -> str | None:
        fault = await one.ask()
        timings.append(one.timing)
        return fault

    return ask


def _reply(noted: loops.Noted, timings: list[str], last: Connection | None) -> dict[str, Any]:
    return {
        "intended": _packed(noted.intended),
        "sent": _packed(noted.sent),
        "ended": _packed(noted.ended),
        "errors": len(noted.faults),
        "faults": sorted(set(noted.faults))[:MOST_FAULTS],
        "dropped": noted.dropped,
        "timings": timings,
        "answer": base64.b64encode(last.answer).decode() if last else "",
        "json_length": last.json_length if last else "",
    }


def _packed(values: list[float]) -> str:
    return base64.b64encode(np.asarray(values, dtype="<f8").tobytes()).decode()


async def _serve() -> None:
    worker, loop = Worker(), asyncio.get_running_loop()
    _write(READY)
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            _write(json.dumps(await worker.carry_out(Order.of(line))))
    finally:
        await worker.close()


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    # epoll waits in whole milliseconds, which an open loop would send late by; select() waits in microseconds.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(_serve())


if __name__ == "__main__":
    main()
