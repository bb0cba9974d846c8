"""Latencies as they were, and percentiles that are one of them. Knows nothing of Locust.

Locust keeps a histogram of rounded times (1 ms, from 100 ms on 10 ms). Here every time is kept, eight bytes each.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from typing import Any

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
TAIL = 10
"""So many values lie beyond a percentile, or there is none: n >= TAIL / (1 - q)."""


def needed(quantile: float) -> int:
    return math.ceil(round(TAIL / (1 - quantile), 6))


class Times:
    """Milliseconds of every request by name, and how many failed."""

    def __init__(self) -> None:
        self._times: dict[str, array[float]] = {}
        self._failures: dict[str, int] = {}

    def add(self, name: str, milliseconds: float, failed: bool) -> None:
        self._times.setdefault(name, array("d")).append(milliseconds)
        self._failures[name] = self._failures.get(name, 0) + failed

    def take(self) -> dict[str, Any]:
        """What came since the last time, for another process; it is forgotten here."""
        taken = {name: [times.tobytes(), self._failures[name]] for name, times in self._times.items()}
        self._times, self._failures = {}, {}
        return taken

    def put(self, taken: Mapping[str, Any]) -> None:
        """What another process took."""
        for name, (times, failures) in taken.items():
            self._times.setdefault(name, array("d")).frombytes(times)
            self._failures[name] = self._failures.get(name, 0) + failures

    def clear(self) -> None:
        self._times, self._failures = {}, {}

    def names(self) -> list[str]:
        return sorted(self._times)

    def count(self, name: str) -> int:
        return len(self._times.get(name, ()))

    def failures(self, name: str) -> int:
        return self._failures.get(name, 0)

    def percentile(self, name: str, quantile: float) -> float | None:
        """The smallest time that a share of `quantile` of all do not exceed; None where there are too few."""
        ordered = sorted(self._times.get(name, ()))
        if len(ordered) < needed(quantile):
            return None
        return ordered[max(0, math.ceil(round(quantile * len(ordered), 9)) - 1)]

    def summary(self) -> dict[str, dict[str, float | None]]:
        """By name: requests, failures, and `p50_ms` ... with null for what too few requests cannot tell."""
        made: dict[str, dict[str, float | None]] = {}
        for name in self.names():
            told: dict[str, float | None] = {"requests": self.count(name), "failures": self.failures(name)}
            told |= {f"{key}_ms": self.percentile(name, quantile) for key, quantile in QUANTILES.items()}
            made[name] = told
        return made


def table(summary: Mapping[str, Mapping[str, float | None]]) -> str:
    """A table for the terminal."""
    heads = ["exact, ms", "requests", "failures", *QUANTILES]
    rows = [heads, *([name, *map(_cell, told.values())] for name, told in summary.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    )


def _cell(value: float | None) -> str:
    if value is None:
        return "too few"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
