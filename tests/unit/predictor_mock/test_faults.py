"""Injected latency and errors, without waiting for any."""

from __future__ import annotations

from typing import Any

import pytest

from modelapi.errors import DeadlineExceeded, InferenceError, InvalidInput, ModelApiError, ServerNotReady
from predictor_mock.faults import Faults, FaultSettings, from_json


class Clock:
    """Takes note of the waits instead of waiting."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


def faults(**settings: Any) -> tuple[Faults, Clock]:
    clock = Clock()
    return Faults(FaultSettings(**settings), sleep=clock.sleep), clock


async def fates(struck: Faults, count: int) -> list[bool]:
    """For each of so many requests, whether it failed."""
    result = []
    for _ in range(count):
        try:
            await struck.strike("m")
        except ServerNotReady:
            result.append(True)
        else:
            result.append(False)
    return result


async def test_without_settings_nothing_happens() -> None:
    struck, clock = faults()

    assert await fates(struck, 5) == [False] * 5
    assert clock.waits == []
    assert struck.report()["requests"] == 5


async def test_latency_and_jitter_stay_within_their_bounds() -> None:
    struck, clock = faults(latency_ms=100, jitter_ms=20)

    await fates(struck, 200)

    assert min(clock.waits) >= 0.08
    assert max(clock.waits) <= 0.12
    assert len(set(clock.waits)) > 100


async def test_jitter_above_the_latency_never_waits_less_than_nothing() -> None:
    struck, clock = faults(latency_ms=1, jitter_ms=1000)

    await fates(struck, 50)

    assert min(clock.waits) > 0
    assert len(clock.waits) < 50


async def test_errors_come_at_the_rate_that_was_asked_for_and_are_counted() -> None:
    struck, _ = faults(error_rate=0.3)

    failed = sum(await fates(struck, 1000))

    assert 250 < failed < 350
    assert struck.report()["errors"] == failed


async def test_the_same_seed_gives_the_same_fates_whatever_the_latency() -> None:
    first = await fates(faults(error_rate=0.5, seed=7)[0], 50)

    assert await fates(faults(error_rate=0.5, seed=7, latency_ms=5, jitter_ms=5)[0], 50) == first
    assert await fates(faults(error_rate=0.5, seed=8)[0], 50) != first


async def test_a_failing_request_is_as_late_as_any_other() -> None:
    struck, clock = faults(latency_ms=50, error_rate=1)

    assert await fates(struck, 1) == [True]
    assert clock.waits == [0.05]


@pytest.mark.parametrize(("status", "error"), [(500, InferenceError), (503, ServerNotReady), (504, DeadlineExceeded)])
async def test_the_error_is_the_one_with_the_status_that_was_asked_for(status: int, error: type[ModelApiError]) -> None:
    struck, _ = faults(error_rate=1, error_status=status)

    with pytest.raises(error, match=f"Injected error {status} for model 'm'"):
        await struck.strike("m")


async def test_a_change_is_in_force_at_once_and_starts_the_sequence_anew() -> None:
    struck, _ = faults(error_rate=0.5, seed=7)
    first = await fates(struck, 20)

    struck.change(FaultSettings(error_rate=0.5, seed=7))

    assert struck.report()["requests"] == 0
    assert await fates(struck, 20) == first


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "expected a JSON object of latency_ms, .*, got list"),
        ({"latency": 1}, "unknown field 'latency': it must be one of latency_ms"),
        ({"latency_ms": "1"}, "latency_ms must be a number, got '1'"),
        ({"latency_ms": True}, "latency_ms must be a number"),
        ({"seed": 1.5}, "seed must be a whole number, got 1.5"),
        ({"latency_ms": -1}, "latency_ms must be between 0 and"),
        ({"jitter_ms": 1e99}, "jitter_ms must be between 0 and"),
        ({"error_rate": 1.1}, "error_rate must be between 0 and 1, got 1.1"),
        ({"error_rate": float("nan")}, "error_rate must be between 0 and 1"),
        ({"error_status": 418}, r"error_status must be one of \[500, 503, 504\], got 418"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_the_field_and_the_mend(body: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        from_json(body)


def test_what_json_leaves_out_is_off() -> None:
    assert from_json({"latency_ms": 5}) == FaultSettings(latency_ms=5)
    assert from_json({}).quiet
