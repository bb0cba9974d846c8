"""Counts bytes: tells the user how far a transfer is, and a thread that it should stop."""

from __future__ import annotations

import time
from collections.abc import Callable

from storage_init.errors import Stopped

Clock = Callable[[], float]
Say = Callable[[str], None]

_LINE_EVERY = 1.0


class Meter:
    """The progress of one source. `advance` may be called from any thread, by one thread at a time.

    `say` gets a line a second at most, so that a log stays readable.
    """

    def __init__(self, label: str, say: Say, clock: Clock = time.monotonic) -> None:
        self._label = label
        self._say = say
        self._clock = clock
        self._stopped = False
        self._started = self._last_line = clock()
        self._activity = ""
        self.total: int | None = None
        self.done = 0
        self._kept = 0

    def begin(self, activity: str, total: int | None = None) -> None:
        """Start counting from zero: an activity such as `copied`, of `total` bytes where that is known."""
        self._activity, self.total, self.done, self._kept = activity, total, 0, 0
        self._started = self._last_line = self._clock()

    def advance(self, count: int) -> None:
        if self._stopped:
            raise Stopped("The run was stopped.")
        self.done += count
        now = self._clock()
        if now - self._last_line >= _LINE_EVERY:
            self._last_line = now
            self._say(self._line(now))

    def reuse(self, count: int) -> None:
        """Count bytes that an earlier transfer brought."""
        self._kept += count
        if self.total is not None:
            self.total -= count

    def stop(self) -> None:
        """Make the next `advance` raise Stopped: how a thread at work learns that nobody waits for it any more."""
        self._stopped = True

    def summary(self) -> str:
        kept = f", {size(self._kept)} were here already" if self._kept else ""
        return f"{self._label}: {self._activity} {size(self.done)} in {self._clock() - self._started:.1f} s{kept}"

    def _line(self, now: float) -> str:
        rate = self.done / (now - self._started)
        share = f" of {size(self.total)} ({self.done / self.total:.0%})" if self.total else ""
        return f"{self._label}: {self._activity} {size(self.done)}{share}, {size(rate)}/s"


class Pace:
    """Notices a transfer that drips: one that never pauses for long, and never ends either."""

    def __init__(self, window: float, least: int, clock: Clock = time.monotonic) -> None:
        self._window = window
        self._least = least
        self._clock = clock
        self._since = clock()
        self._brought = 0

    def __str__(self) -> str:
        return f"less than {size(self._least)} in {self._window:g} s"

    def keeps(self, count: int) -> bool:
        """Count the bytes that came; False once a whole window brought less than the least."""
        self._brought += count
        now = self._clock()
        if now - self._since < self._window:
            return True
        kept = self._brought >= self._least
        self._since, self._brought = now, 0
        return kept


def size(count: float) -> str:
    """Bytes as a person reads them, in decimal units as stores count them."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
