"""When to try again what failed: after 1 s, then twice as long each time, up to a minute."""

from __future__ import annotations

import time
from collections.abc import Callable

_LONGEST = 60.0


class Backoff:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, tuple[int, float]] = {}

    def note(self, key: str, *, failed: bool) -> None:
        if not failed:
            self._failures.pop(key, None)
            return
        count = self._failures.get(key, (0, 0.0))[0] + 1
        self._failures[key] = (count, self._clock() + min(2.0 ** (count - 1), _LONGEST))

    def is_due(self, key: str) -> bool:
        """Whether it may be tried now; so may what never failed."""
        return key not in self._failures or self._clock() >= self._failures[key][1]

    def next_due(self) -> float | None:
        """Seconds until one of those that failed may be tried again."""
        due = [when for _, when in self._failures.values()]
        return max(0.0, min(due) - self._clock()) if due else None
