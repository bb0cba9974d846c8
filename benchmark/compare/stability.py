"""When an arm is warm: not after so many requests, but when it has stopped changing. Pure.

Two questions, for on a machine that others use too the second is never answered with yes: has it stopped getting
faster, and do its windows agree. What makes a window slower may be anything; what makes it faster is warmth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WINDOWS = 3
SPREAD = 1.10
"""The last WINDOWS windows differ by a factor of at most SPREAD, in rate and in median latency."""
EARLIER = 2
"""So many windows before the last ones, at least, to be better than."""


@dataclass(frozen=True)
class Window:
    rate: float
    latency: float


def steady(windows: Sequence[Window]) -> bool:
    """Whether the last windows agree."""
    return len(windows) >= WINDOWS and spread(windows) <= SPREAD


def warm(windows: Sequence[Window]) -> bool:
    """Whether it has stopped getting faster: the last windows agree, or the best of them is hardly better than the best
    of those before.
    """
    last, before = windows[-WINDOWS:], windows[:-WINDOWS]
    if steady(windows):
        return True
    if len(last) < WINDOWS or len(before) < EARLIER:
        return False
    faster = min(one.latency for one in before) / min(one.latency for one in last)
    most_before, most_last = max(one.rate for one in before), max(one.rate for one in last)
    return faster <= SPREAD and 0 < most_last <= SPREAD * most_before


def spread(windows: Sequence[Window]) -> float:
    """By which factor the last windows differ at most."""
    last = windows[-WINDOWS:]
    return max(_factor([window.rate for window in last]), _factor([window.latency for window in last]))


def _factor(values: Sequence[float]) -> float:
    return max(values) / min(values) if values and min(values) > 0 else float("inf")
