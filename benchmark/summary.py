"""Medians, spreads and ratios. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.cells import Contender
from benchmark.load.driver import Sample
from benchmark.rounds import Measured


@dataclass(frozen=True)
class Spread:
    """A median, and the lowest and highest value it comes from."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Ratios round by round, so that a slow minute of the machine, which both had, drops out."""
    return spread([mine / other if other else float("inf") for mine, other in zip(ours, theirs, strict=True)])


def of(measured: Measured, contender: Contender, connections: int, field: str) -> Spread:
    """The spread of one field of a contender's samples."""
    return spread([getattr(sample, field) for sample in measured.samples[contender, connections]])


def ratio(measured: Measured, ours: Contender, theirs: Contender, connections: int) -> Spread | None:
    """Requests per second of `ours` over those of `theirs`; None if either was not measured."""
    mine, other = (measured.samples.get((contender, connections)) for contender in (ours, theirs))
    return paired(_rates(mine), _rates(other)) if mine and other else None


def contenders(measured: Measured) -> list[Contender]:
    """Those measured, in the order of measuring."""
    return list(dict.fromkeys(contender for contender, _ in measured.samples))


def errors(measured: Measured) -> int:
    return sum(sample.errors for samples in measured.samples.values() for sample in samples)


def _rates(samples: Sequence[Sample]) -> list[float]:
    return [sample.requests_per_second for sample in samples]
