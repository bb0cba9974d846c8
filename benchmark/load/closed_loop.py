"""The loop that both clients of our own share: N connections, a warm-up, a window, and what came of it as JSON."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import uvloop

Drive = Callable[
    [str, bytes, int, float, float], Coroutine[Any, Any, str]
]  # address, body, connections, warm-up, window
Ask = Callable[[], Awaitable[bool]]  # one request on one connection; whether the answer was good


def main(address: str, drive: Drive) -> None:
    """The command of a client: `address` is the flag that says where to send to; what came of it goes to stdout."""
    parser = argparse.ArgumentParser()
    parser.add_argument(address, dest="address", required=True)
    parser.add_argument("--body", type=Path, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--warmup", type=float, default=0)
    parser.add_argument("--seconds", type=float, required=True)
    args = parser.parse_args()
    work = drive(args.address, args.body.read_bytes(), args.connections, args.warmup, args.seconds)
    sys.stdout.write(uvloop.run(work) + "\n")


async def run(asks: Sequence[Ask], warmup: float, seconds: float) -> str:
    """Every `ask` again and again; latencies are of those that end within the window."""
    begin = time.perf_counter() + warmup
    end = begin + seconds
    latencies: list[float] = []
    counts = {"total": 0, "errors": 0}
    await asyncio.gather(*(_connection(ask, begin, end, latencies, counts) for ask in asks))
    latencies.sort()
    return json.dumps(
        {
            "requests": len(latencies),
            "total": counts["total"],
            "errors": counts["errors"],
            "seconds": seconds,
            "p50_ms": _quantile(latencies, 0.5) * 1000,
            "p99_ms": _quantile(latencies, 0.99) * 1000,
        }
    )


async def _connection(ask: Ask, begin: float, end: float, latencies: list[float], counts: dict[str, int]) -> None:
    clock = time.perf_counter
    started = clock()
    while started < end:
        good = await ask()
        ended = clock()
        counts["total"] += 1
        if not good:
            counts["errors"] += 1
        elif begin <= ended < end:
            latencies.append(ended - started)
        started = ended


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
