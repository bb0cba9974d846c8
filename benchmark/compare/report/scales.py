"""From values to places in a picture, and the round numbers that stand at an axis. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_STEPS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Scale:
    """`low` and `high` are values, `start` and `end` places. On a logarithmic scale both values are above 0."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    binary: bool = False
    """Ticks of a logarithmic scale at powers of two."""

    def at(self, value: float) -> float:
        low, high = self._of(self.low), self._of(self.high)
        share = (self._of(value) - low) / (high - low) if high > low else 0.5
        return round(self.start + min(max(share, -0.02), 1.02) * (self.end - self.start), 2)

    def ticks(self) -> list[float]:
        if self.binary:
            return _binary_ticks(self.low, self.high)
        return _log_ticks(self.low, self.high) if self.log else _linear_ticks(self.low, self.high)

    def _of(self, value: float) -> float:
        return math.log10(max(value, 1e-12)) if self.log else value


def around(values: Sequence[float], start: float, end: float, log: bool = False, binary: bool = False) -> Scale:
    """A scale that holds all values: from 0, or on a logarithmic one with a little room on both sides."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if log:
        return Scale(low / 1.15, max(high, low * 1.5) * 1.15, start, end, True, binary)
    return Scale(0.0, high * 1.08 or 1.0, start, end)


def _linear_ticks(low: float, high: float, count: int = 5) -> list[float]:
    rough = (high - low) / count
    power = 10 ** math.floor(math.log10(rough)) if rough > 0 else 1
    step = next(step * power for step in _STEPS if step * power >= rough)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten and, where there are few, their doubles and fives."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5)):
        ticks = [factor * 10.0**decade for decade in decades for factor in factors]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) >= 3:
            return inside
    return inside


def _binary_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Powers of two, at equal distances, at most so many."""
    powers = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
    step = max(1, math.ceil(len(powers) / most))
    return [2.0**power for power in powers if power % step == 0]
