"""When an arm is warm: not after so many requests, but when it has stopped changing. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

WINDOWS = 3
SPREAD = 1.10
"""The last WINDOWS windows differ by a factor of at most SPREAD, in rate and in median latency."""


@dataclass(frozen=True)
class Window:
    rate: float
    latency: float


def stable(windows: Sequence[Window]) -> bool:
    """Whether the last windows agree."""
    last = windows[-WINDOWS:]
    if len(last) < WINDOWS:
        return False
    return all(_spread([getattr(window, what) for window in last]) <= SPREAD for what in ("rate", "latency"))


def _spread(values: Sequence[float]) -> float:
    return max(values) / min(values) if min(values) > 0 else float("inf")
