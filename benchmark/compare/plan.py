"""How much is measured: the quick and the full run, as numbers; and payload sizes as they are written."""

import re
from dataclasses import dataclass

_UNITS = {"": 1, "B": 1, "K": 1 << 10, "KB": 1 << 10, "M": 1 << 20, "MB": 1 << 20}
_STEP = 4
LARGEST = 32 << 20
SMALLEST = 12
"""Bytes of the smallest tensor that the curve's model takes: three floats."""


class PlanError(Exception):
    """A plan that cannot be carried out."""


@dataclass(frozen=True)
class Loads:
    """`blocks` loads of `seconds` for every arm."""

    blocks: int
    seconds: float


@dataclass(frozen=True)
class Plan:
    """Seconds and counts. `limit` is when optional parts are left out, so that a quick run is one."""

    name: str
    warm_window: float
    warm_most: int
    single: Loads
    levels: tuple[int, ...]
    several: Loads
    shares: tuple[float, ...]
    open: Loads
    sizes: tuple[int, ...]
    curve: Loads
    locust_seconds: float
    floor: Loads | None
    limit: float
    processes: int
    both_hops: bool = False
    """Several connections on the transformer's hop as well."""
    seed: int = 20240607


QUICK = Plan(
    name="quick",
    warm_window=0.15,
    warm_most=6,
    single=Loads(5, 0.4),
    levels=(8,),
    several=Loads(5, 0.25),
    shares=(0.7,),
    open=Loads(1, 1.5),
    sizes=(48, 12288, 602112),
    curve=Loads(2, 0.3),
    locust_seconds=2,
    floor=None,
    limit=70,
    processes=2,
)
FULL = Plan(
    name="full",
    warm_window=0.4,
    warm_most=8,
    single=Loads(8, 1.2),
    levels=(2, 4, 8, 16),
    several=Loads(5, 0.8),
    shares=(0.5, 0.7, 0.9),
    open=Loads(2, 3.5),
    sizes=(48, 192, 768, 3072, 12288, 49152, 196608, 602112, 1048576, 4194304),
    curve=Loads(4, 0.3),
    locust_seconds=6,
    floor=Loads(6, 0.8),
    limit=500,
    processes=2,
    both_hops=True,
)


def parse_sizes(text: str) -> tuple[int, ...]:
    """`16B..4MB` (in steps of four times), or `1KB,12288,4MB`. Raises PlanError."""
    first, dots, last = text.partition("..")
    if not dots:
        return tuple(sorted({parse_size(part) for part in text.split(",")}))
    low, high = parse_size(first), parse_size(last)
    if low > high:
        raise PlanError(f"--payload-sizes {text}: from {low} to {high} bytes there is nothing; write the smaller first")
    made = [low]
    while made[-1] * _STEP < high:
        made.append(made[-1] * _STEP)
    return tuple(dict.fromkeys([*made, high]))


def parse_size(text: str) -> int:
    """A number of bytes, with B, KB or MB. Raises PlanError."""
    found = re.fullmatch(r"(\d+)\s*([KM]?B?)", text.strip().upper())
    if not found:
        raise PlanError(f"--payload-sizes: {text!r} is no size; write 16B, 12KB or 4MB")
    size = int(found[1]) * _UNITS[found[2]]
    if not SMALLEST <= size <= LARGEST:
        raise PlanError(f"--payload-sizes: {text} is not between {SMALLEST} B and {LARGEST >> 20} MB")
    return size
