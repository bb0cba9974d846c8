"""One line that says what is going on and how long it will still take."""

import time
from typing import TextIO

_OVERHEAD = 1.12
"""What a load takes beside its own seconds, until the run itself tells better."""
_EVERY = 5.0


class Progress:
    """`planned` seconds of loads; on a terminal the line is written over, elsewhere a new one comes now and then."""

    def __init__(self, stream: TextIO, planned: float) -> None:
        self._stream, self._planned, self._spent = stream, planned, 0.0
        self._begin = self._written = time.monotonic()
        self._what = "starting"

    def say(self, what: str) -> None:
        """A new part begins."""
        self._what = what
        self._write()

    def tick(self, seconds: float) -> None:
        self._spent += seconds
        if self._stream.isatty() or time.monotonic() - self._written > _EVERY:
            self._write()

    def skip(self, seconds: float) -> None:
        """Planned seconds that will not be spent."""
        self._planned -= seconds

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._begin

    def left(self) -> float:
        return max(0.0, self._planned - self._spent) * _OVERHEAD

    def end(self) -> None:
        if self._stream.isatty():
            self._stream.write("\r\033[K")

    def _write(self) -> None:
        self._written = time.monotonic()
        line = f"{self.elapsed:4.0f} s  about {self.left():3.0f} s left  {self._what}"
        self._stream.write(f"\r\033[K{line}" if self._stream.isatty() else f"{line}\n")
        self._stream.flush()
