"""Percentiles of measured values: an observed value, never an interpolated or rounded one, and none from too few."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

QUANTILES = (0.5, 0.9, 0.99, 0.999)
TAIL = 10
"""At least so many values have to lie beyond a percentile for it to mean something: n >= TAIL / (1 - q)."""

Values = NDArray[np.float64]


def needed(quantile: float) -> int:
    """How many values a percentile takes."""
    return math.ceil(round(TAIL / (1 - quantile), 6))


def exact(values: Values | Sequence[float], quantile: float) -> float | None:
    """The smallest value that at least `quantile` of all do not exceed; None where there are too few."""
    ordered = np.sort(np.asarray(values, dtype=float))
    if len(ordered) < needed(quantile):
        return None
    return float(ordered[max(0, math.ceil(round(quantile * len(ordered), 9)) - 1)])


def table(values: Values | Sequence[float]) -> dict[str, float | None]:
    """Every percentile that is reported, by its name: `p50`, `p99.9`."""
    return {name(quantile): exact(values, quantile) for quantile in QUANTILES}


def name(quantile: float) -> str:
    return f"p{round(quantile * 100, 3):g}"
