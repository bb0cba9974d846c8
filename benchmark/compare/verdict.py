"""From intervals to a sentence, or to the reason why there is none. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.compare.intervals import FEWEST_BLOCKS, Interval, ratio

LEAST = 0.02
"""A difference of less than this is not called one, however sure: nobody should choose a protocol for it."""


@dataclass(frozen=True)
class Verdict:
    """`ratio` is other over base; without a verdict, `reasons` say why. `found` is False for "no difference found"."""

    found: bool
    ratio: Interval | None
    control: Interval | None
    reasons: tuple[str, ...]


def decide(
    other: Sequence[float],
    base: Sequence[float],
    control: tuple[Sequence[float], Sequence[float]],
    voids: Sequence[str] = (),
    seed: int = 1,
) -> Verdict:
    """Whether `other` differs from `base`. All are values by block; `control` is the A/A pair; `voids` are fairness
    checks that failed, each of which makes every verdict void.
    """
    found, aa = ratio(other, base, seed), ratio(*control, seed)
    reasons = list(voids)
    if found is None or aa is None:
        least = min(len(other), len(base), *(len(part) for part in control))
        return Verdict(False, None, aa, (*reasons, f"{least} blocks, and it takes {FEWEST_BLOCKS} of every arm"))
    if not aa.holds(1) and not any("A/A" in one for one in voids):
        reasons.append(f"the A/A control shows a difference where there is none: {told(aa)}")
    if found.holds(1):
        reasons.append(f"the interval holds no difference: {told(found)}")
    elif abs(found.value - 1) < LEAST:
        reasons.append(f"the difference is smaller than {LEAST:.0%}: {told(found)}")
    elif aa.low <= found.value <= aa.high:
        reasons.append(f"the A/A control differs by as much: {told(aa)}")
    return Verdict(not reasons, found, aa, tuple(reasons))


def told(interval: Interval) -> str:
    """`x1.21 [1.17, 1.26]`."""
    return f"x{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"
