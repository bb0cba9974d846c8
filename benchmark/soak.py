"""A long run at full load: does memory grow, does anything fail?"""

import statistics
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.cells import Cell
from benchmark.environments import Say
from benchmark.load.driver import Sample, measure
from benchmark.processes import Server
from benchmark.rounds import Setting, contending

CONNECTIONS = 8
WARMUP_SHARE, WINDOW_SHARE = 0.2, 0.1


@dataclass(frozen=True)
class Soak:
    """What the load saw, and the resident bytes over time as (seconds, bytes)."""

    cell: str
    seconds: float
    sample: Sample
    rss: list[tuple[float, int]]
    growth: float


def run(cell: Cell, seconds: float, setting: Setting, say: Say) -> Soak:
    """modelapi's transformer of one cell under CONNECTIONS connections for `seconds`."""
    say(f"soak: {cell.title}, {seconds:.0f} s")
    with contending("modelapi", cell, setting) as up:
        curve: list[tuple[float, int]] = []
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(up.server, max(0.2, seconds / 600), curve, ended))
        watcher.start()
        try:
            sample = measure(up.aim, up.server, setting.predictor_of(cell.hop).server, CONNECTIONS, seconds)
        finally:
            ended.set()
            watcher.join(timeout=10)
        return Soak(cell.name, seconds, sample, curve, growth(curve))


def growth(curve: Sequence[tuple[float, int]]) -> float:
    """The last window's median over the first's after warm-up, less 1: 0.05 is 5 % more memory."""
    if not curve:
        return 0.0
    last = curve[-1][0]
    first = _median(curve, last * WARMUP_SHARE, last * (WARMUP_SHARE + WINDOW_SHARE))
    return _median(curve, last * (1 - WINDOW_SHARE), last) / first - 1


def _median(curve: Sequence[tuple[float, int]], begin: float, end: float) -> float:
    return statistics.median([rss for at, rss in curve if begin <= at <= end] or [curve[-1][1]])


def _watch(server: Server, pause: float, curve: list[tuple[float, int]], ended: threading.Event) -> None:
    at = 0.0
    while not ended.wait(pause):
        at += pause
        curve.append((round(at, 1), server.usage().rss))
