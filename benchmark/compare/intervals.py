"""Ratios of two arms with confidence intervals, from blocks. Pure.

Requests of one block share the machine's mood of that moment, so the block is the unit that is drawn again, never the
request. With few blocks the plain percentile bootstrap is too sure of itself; its deviations are stretched by
t(blocks - 1) / z * sqrt(blocks / (blocks - 1)), as Student's interval would be.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
RESAMPLES = 4000
FEWEST_BLOCKS = 4
_Z = 1.959964
# Student's t at 97.5 %, by degrees of freedom.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)


@dataclass(frozen=True)
class Interval:
    """A value and between what it lies with CONFIDENCE."""

    value: float
    low: float
    high: float
    blocks: int

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def ratio(other: Sequence[float], base: Sequence[float], seed: int = 1) -> Interval | None:
    """How many times `base` is `other`, from their values block by block; None with fewer than FEWEST_BLOCKS.

    Both come in the same order of blocks; the ratio is taken inside a block and the geometric mean over them.
    """
    if len(other) != len(base) or len(base) < FEWEST_BLOCKS or min(*other, *base) <= 0:
        return None
    logs = np.log(np.asarray(other) / np.asarray(base))
    return _interval(logs, seed, math.exp)


def mean(values: Sequence[float], seed: int = 1) -> Interval | None:
    """The mean over blocks with its interval; None with fewer than FEWEST_BLOCKS."""
    if len(values) < FEWEST_BLOCKS:
        return None
    return _interval(np.asarray(values, dtype=float), seed, float)


def _interval(values: NDArray[np.float64], seed: int, back: Callable[[float], float]) -> Interval:
    count = len(values)
    middle = float(values.mean())
    drawn = values[np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))].mean(axis=1)
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    stretch = student(count - 1) / _Z * math.sqrt(count / (count - 1))
    return Interval(
        back(middle),
        back(middle + (float(low) - middle) * stretch),
        back(middle + (float(high) - middle) * stretch),
        count,
    )


def student(freedom: int) -> float:
    """Student's t at 97.5 %; beyond the table, its usual approximation."""
    return _T[freedom - 1] if freedom <= len(_T) else _Z + 2.4 / freedom
