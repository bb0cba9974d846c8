"""How often and how long a call is tried. No test here waits for a real pause."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from modelapi.context import set_deadline
from modelapi.errors import DeadlineExceeded, PredictorFailed, PredictorUnavailable
from modelapi.predictors import retry
from modelapi.predictors.retry import RetryPolicy, Transient, attempt, pause


class Script:
    """A call that fails as often as it is told, then answers; keeps the seconds it was given."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or Transient(PredictorUnavailable("down"))
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> str:
        self.seconds.append(seconds)
        if len(self.seconds) <= self.failures:
            raise self.error
        return "answer"


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    real: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await real(0)

    monkeypatch.setattr(retry.asyncio, "sleep", sleep)
    return pauses


async def test_a_call_that_succeeds_is_made_once() -> None:
    call = Script(0)
    assert await attempt(call, RetryPolicy(10, 5)) == "answer"
    assert len(call.seconds) == 1


@pytest.mark.parametrize("retries", [0, 1, 3])
async def test_retries_counts_the_attempts_after_the_first(retries: int, slept: list[float]) -> None:
    call = Script(99)
    with pytest.raises(PredictorUnavailable, match="down"):
        await attempt(call, RetryPolicy(10, retries))
    assert len(call.seconds) == retries + 1
    assert len(slept) == retries


async def test_the_last_of_the_retries_may_succeed() -> None:
    assert await attempt(Script(2), RetryPolicy(10, 2)) == "answer"


async def test_what_is_not_transient_is_raised_at_once() -> None:
    call = Script(1, PredictorFailed("broken"))
    with pytest.raises(PredictorFailed, match="broken"):
        await attempt(call, RetryPolicy(10, 5))
    assert len(call.seconds) == 1


async def test_no_attempt_begins_after_the_deadline() -> None:
    call = Script(99)
    with pytest.raises(PredictorUnavailable):
        await attempt(call, RetryPolicy(retry.FIRST_PAUSE_SECONDS / 4, 5))
    assert len(call.seconds) == 1


async def test_all_attempts_share_one_deadline() -> None:
    call = Script(3)
    await attempt(call, RetryPolicy(10, 3))
    assert call.seconds == sorted(call.seconds, reverse=True)
    assert call.seconds[0] <= 10


def test_pauses_double_up_to_a_limit_and_are_scattered() -> None:
    for tries in range(12):
        longest = min(retry.FIRST_PAUSE_SECONDS * 2**tries, retry.LONGEST_PAUSE_SECONDS)
        pauses = {pause(tries) for _ in range(20)}
        assert all(longest / 2 <= seconds <= longest for seconds in pauses)
        assert len(pauses) > 1


async def test_the_error_keeps_its_cause() -> None:
    async def call(_seconds: float) -> None:
        raise Transient(PredictorUnavailable("down")) from OSError("refused")

    with pytest.raises(PredictorUnavailable) as caught:
        await attempt(call, RetryPolicy(1))
    assert isinstance(caught.value.__cause__, OSError)


async def test_the_callers_deadline_is_kept() -> None:
    given: list[float] = []

    async def call(seconds: float) -> None:
        given.append(seconds)

    async def of_a_hasty_caller() -> None:
        set_deadline(5)
        await attempt(call, RetryPolicy(600))

    await asyncio.create_task(of_a_hasty_caller())  # a task of its own, as each gRPC call has
    await attempt(call, RetryPolicy(600))
    assert given[0] <= 5 < given[1]


async def test_a_caller_who_has_gone_is_not_worked_for() -> None:
    async def of_a_caller_who_has_gone() -> None:
        set_deadline(-1)
        await attempt(_never, RetryPolicy(600))

    with pytest.raises(DeadlineExceeded):
        await asyncio.create_task(of_a_caller_who_has_gone())


async def _never(_seconds: float) -> None:
    raise AssertionError("it was called")
