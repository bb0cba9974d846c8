"""The loop of our own clients, against asks that need no server."""

from __future__ import annotations

import asyncio
import json

from benchmark.load import closed_loop


async def good() -> bool:
    await asyncio.sleep(0.001)
    return True


async def bad() -> bool:
    await asyncio.sleep(0.001)
    return False


async def test_requests_of_the_warm_up_count_in_the_total_alone() -> None:
    found = json.loads(await closed_loop.run([good], warmup=0.05, seconds=0.05))
    assert 0 < found["requests"] < found["total"]
    assert found["errors"] == 0
    assert found["p99_ms"] >= found["p50_ms"] >= 1


async def test_errors_are_counted_and_are_no_latencies() -> None:
    found = json.loads(await closed_loop.run([good, bad], warmup=0, seconds=0.05))
    assert 0 < found["errors"] < found["total"]
    assert found["requests"] <= found["total"] - found["errors"]


async def test_a_server_that_fails_always_gives_a_result_too() -> None:
    found = json.loads(await closed_loop.run([bad], warmup=0, seconds=0.02))
    assert (found["requests"], found["p50_ms"]) == (0, 0)
