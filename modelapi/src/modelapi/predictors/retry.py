"""How often and how long a call is tried.

Only failures that leave nothing half done are tried again: no connection, 502, 503, 504, UNAVAILABLE. All attempts and
the pauses between them share one deadline, which is never later than the caller's own.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from modelapi.context import seconds_left
from modelapi.errors import DeadlineExceeded

Result = TypeVar("Result")

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0
READY_SECONDS = 5.0  # how long a question about readiness may take; it is not tried again


class Transient(Exception):
    """A failure that another attempt may mend; `error` is what to raise when no attempt is left."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True)
class RetryPolicy:
    """`retries` further attempts after the first, all within `timeout_seconds`."""

    timeout_seconds: float
    retries: int = 0


async def attempt(call: Callable[[float], Awaitable[Result]], policy: RetryPolicy) -> Result:
    """What `call` returns; it is given the seconds that are left, and raises Transient to be tried again."""
    seconds = seconds_left(policy.timeout_seconds)
    if seconds <= 0:
        raise DeadlineExceeded("The caller's deadline has passed.")
    deadline = time.monotonic() + seconds
    tries = 0
    while True:
        try:
            return await call(deadline - time.monotonic())
        except Transient as failure:
            wait = pause(tries)
            if tries >= policy.retries or time.monotonic() + wait >= deadline:
                raise failure.error from failure.__cause__
        tries += 1
        await asyncio.sleep(wait)


def pause(tries: int) -> float:
    """Seconds before the next attempt: doubling, and scattered so that callers do not come back all at once."""
    longest = min(FIRST_PAUSE_SECONDS * 2**tries, LONGEST_PAUSE_SECONDS)
    return random.uniform(longest / 2, longest)  # noqa: S311 -- scatter, not a secret
