"""The targets, and whether a run met them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmark.cells import DISTRIBUTIONS_SHARE, MEMORY_SHARE, READY_SHARE, SOAK_GROWTH, WORKERS_GAIN, Contender
from benchmark.footprint import Footprint
from benchmark.results import Results
from benchmark.rounds import Measured
from benchmark.summary import Spread, errors, paired, ratio
from benchmark.workers import Workers


@dataclass(frozen=True)
class Verdict:
    """A claim, the number that decides, its bound; `met` is None where this machine cannot show it."""

    claim: str
    found: Spread
    wanted: str
    met: bool | None
    note: str = ""


def of(results: Results) -> list[Verdict]:
    """A verdict for each target that this run measured."""
    connections = max(results.run.connections)
    found: list[Verdict] = []
    for measured in results.measured:
        found += _cell(measured, connections)
    if len(results.footprint) == 2:
        found += _footprint(results.footprint, results.measured)
    if results.workers is not None:
        found.append(_workers(results.workers))
    if results.soak is not None:
        grown, failed = results.soak.growth, results.soak.sample.errors
        title = f"memory growth in {results.soak.seconds:.0f} s at full load, {results.soak.cell}"
        found.append(_most(title, _exact(grown), SOAK_GROWTH))
        found.append(_most("errors in it", _exact(failed), 0, f"{results.soak.sample.requests} requests"))
    return found


def _cell(measured: Measured, connections: int) -> Iterator[Verdict]:
    cell = measured.cell
    control = ratio(measured, "modelapi", "modelapi-again", connections)
    note = f"A/A {control.median:.2f} ({control.low:.2f}-{control.high:.2f})" if control else ""
    wanted: list[tuple[Contender, float]] = [("floor", cell.over_floor), ("kserve", cell.over_kserve)]
    for other, least in wanted:
        found = ratio(measured, "modelapi", other, connections)
        if least and found:
            yield _least(f"req/s over {other}: {cell.title}", found, least, note)
    failed = errors(measured)
    if failed:
        yield _most(f"errors: {cell.title}", _exact(failed), 0, "its rates mean nothing while there are errors")


def _footprint(found: dict[Contender, Footprint], cells: list[Measured]) -> Iterator[Verdict]:
    ours, theirs = found["modelapi"], found["kserve"]
    yield _most("time to ready over kserve's", paired(ours.ready_seconds, theirs.ready_seconds), READY_SHARE)
    yield _most("memory when ready over kserve's", paired(ours.ready_rss, theirs.ready_rss), MEMORY_SHARE)
    for measured in cells:
        peak = measured.peak_rss
        if "modelapi" in peak and "kserve" in peak:
            share = _exact(peak["modelapi"] / peak["kserve"])
            yield _most(f"peak memory over kserve's: {measured.cell.title}", share, MEMORY_SHARE)
    share = _exact(ours.distributions / theirs.distributions)
    note = f"{ours.distributions} and {theirs.distributions}"
    yield _most("distributions installed over kserve's", share, DISTRIBUTIONS_SHARE, note)


def _workers(found: Workers) -> Verdict:
    """With no more cores than workers, the client and the predictor take what the workers would gain."""
    verdict = _least(f"{found.count} workers over one, {found.cell}", found.gain, WORKERS_GAIN, found.explanation)
    shown = verdict.met or found.cores > found.count
    return verdict if shown else replace(verdict, met=None)


def _least(claim: str, found: Spread, bound: float, note: str = "") -> Verdict:
    return Verdict(claim, found, f">= {bound:g}", found.median >= bound, note)


def _most(claim: str, found: Spread, bound: float, note: str = "") -> Verdict:
    return Verdict(claim, found, f"<= {bound:g}", found.median <= bound, note)


def _exact(value: float) -> Spread:
    return Spread(value, value, value)
