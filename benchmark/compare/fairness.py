"""The checks without which a comparison says nothing: each passes, fails, or could not be made. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmark.compare.arms import AGAIN, HOPS, Hop
from benchmark.compare.decomposition import Decomposition
from benchmark.compare.findings import MARGIN, Findings, Series
from benchmark.compare.intervals import Interval, ratio
from benchmark.compare.stand import wire_of
from benchmark.compare.verdict import told

BUSY = 0.8
ON_TIME = 0.99
LARGEST_MESSAGE = 8 << 20
Place = tuple[str, Hop]
Fails = dict[Place, str]


@dataclass(frozen=True)
class Check:
    """`passed` is None where it could not be made. One that `voids` leaves no verdict in the places where it failed."""

    name: str
    passed: bool | None
    detail: str
    voids: bool
    places: tuple[Place, ...] = ()


def panel(findings: Findings, decomposed: list[Decomposition]) -> list[Check]:
    """Always the same checks, in the same order."""
    return [
        _answers(findings),
        _protocols(findings),
        _bytes(findings),
        _connections(findings),
        _ours(findings, "workers and threads", "one worker process in every transformer and predictor"),
        _ours(findings, "logging", "the same in all servers: the defaults, request and latency lines on"),
        _everywhere(findings, "errors", "no request failed, every answer held", _errors),
        _everywhere(findings, "client CPU", f"every client process under {BUSY:.0%} of a core", _client),
        _rate(findings),
        _warm(findings),
        _steady(findings),
        _everywhere(findings, "A/A control", "an arm against itself: no difference", _control),
        _sums(decomposed),
        _engines(findings),
    ]


def voids(checks: Iterable[Check], place: Place) -> list[str]:
    """Why there can be no verdict at a place."""
    return [f"{check.name}: {check.detail}" for check in checks if check.voids and place in check.places]


def control(findings: Findings, place: Place, connections: int = 1) -> Interval | None:
    """The median of the control over that of its arm."""
    series = {one.arm: one for one in findings.at(*place, "closed", connections)}
    for name, again in series.items():
        if name.endswith(AGAIN) and (arm := series.get(name.removesuffix(AGAIN))) is not None:
            return ratio([block.median for block in again.blocks], [block.median for block in arm.blocks])
    return None


def _places(findings: Findings) -> list[Place]:
    return list(dict.fromkeys((one.predictor, one.hop) for one in findings.series))


def _everywhere(
    findings: Findings, name: str, fine: str, fault: Callable[[Findings, Place], str | None], voids: bool = True
) -> Check:
    fails = {place: found for place in _places(findings) if (found := fault(findings, place))}
    return _check(name, fine, fails, voids, bool(findings.series))


def _check(name: str, fine: str, fails: Fails, voids: bool, made: bool = True) -> Check:
    if not made:
        return Check(name, None, "not measured", False)
    detail = "; ".join(f"{HOPS[hop]}, {predictor}: {why}" for (predictor, hop), why in fails.items())
    return Check(name, not fails, detail or fine, voids, tuple(fails))


def _ours(findings: Findings, name: str, fine: str) -> Check:
    """What holds because the servers were started for this run; of others it is not known."""
    own = any("transformer" in block.cpu for one in findings.series for block in one.blocks)
    return Check(name, True if own else None, fine if own else "not known: the servers are not ours", False)


def _answers(findings: Findings) -> Check:
    places = tuple(_places(findings))
    if findings.differ:
        return Check("answers equal", False, "; ".join(findings.differ), True, places)
    if not findings.apart:
        return Check("answers equal", None, "not measured", False)
    return Check("answers equal", True, f"all arms; off by {max(findings.apart.values()):.1g} at most", True)


def _protocols(findings: Findings) -> Check:
    fails: Fails = {}
    for (predictor, hop, arm), wire in findings.wire.items():
        if wire.protocol != wire_of(arm):
            fails[predictor, hop] = f"{arm} was {wire.protocol} on the wire"
    return _check("protocol on the wire", "every arm spoke what it was asked to", fails, True, bool(findings.wire))


def _bytes(findings: Findings) -> Check:
    if not findings.wire:
        return Check("bytes per request", None, "not measured", False)
    largest = max(wire.up for wire in findings.wire.values())
    fine = f"counted for {len(findings.wire)} lanes; the largest request, {largest:,.0f} B, is below gRPC's 8 MiB"
    return Check("bytes per request", largest < LARGEST_MESSAGE, fine, False)


def _connections(findings: Findings) -> Check:
    counted = {key: warm for key, warm in findings.warm.items() if warm.tcp is not None}
    fails: Fails = {
        (predictor, hop): f"{arm} had {warm.tcp} TCP connections for {warm.connections} users"
        for (predictor, hop, arm), warm in counted.items()
        if warm.tcp != warm.connections
    }
    fine = "one for each user, in every arm"
    return _check("TCP connections", fine, fails, True, bool(counted))


def _errors(findings: Findings, place: Place) -> str | None:
    for one in _at(findings, place):
        for block in one.blocks:
            if block.wrong:
                return block.wrong
            if block.errors:
                return f"{one.arm}: {block.errors} of {block.requests} failed ({block.faults[0]})"
    return None


def _client(findings: Findings, place: Place) -> str | None:
    busiest = max(((block.client_cores, one.arm) for one in _at(findings, place) for block in one.blocks), default=None)
    if busiest is None or busiest[0] < BUSY:
        return None
    return f"{busiest[1]}'s client took {busiest[0]:.0%} of a core"


def _control(findings: Findings, place: Place) -> str | None:
    found = control(findings, place)
    if found is None:
        return "too few blocks"
    return None if found.holds(1) else told(found)


def _rate(findings: Findings) -> Check:
    late = {
        (
            one.predictor,
            one.hop,
        ): f"{one.arm} at {one.share or 0:.0%}: {block.on_time:.1%} in time, {block.dropped} dropped"
        for one in findings.series
        if one.mode == "open"
        for block in one.blocks
        if not kept(one)
    }
    made = any(one.mode == "open" for one in findings.series)
    return _check("achieved rate", f"{ON_TIME:.0%} of what was planned, or more", late, False, made)


def kept(one: Series) -> bool:
    """Whether an open loop was what it says: otherwise its percentiles measure the backlog."""
    return all(block.on_time >= ON_TIME and not block.dropped for block in one.blocks)


def _warm(findings: Findings) -> Check:
    fails: dict[Place, str] = {}
    for (predictor, hop, arm), warm in findings.warm.items():
        if not warm.warm:
            said = fails.get((predictor, hop))
            fails[predictor, hop] = f"{said}, {arm}" if said else f"still faster after {warm.windows} windows: {arm}"
    return _check("warm", "no arm was still getting faster when it was first timed", fails, False, bool(findings.warm))


def _steady(findings: Findings) -> Check:
    """On a machine that others use it fails; what that does to a number is in its interval."""
    fails: dict[Place, str] = {}
    for (predictor, hop, _), warm in findings.warm.items():
        if not warm.steady:
            others = [one for key, one in findings.warm.items() if key[:2] == (predictor, hop) and not one.steady]
            most = max((one.spread or 0 for one in others), default=0)
            fails[predictor, hop] = f"windows of {len(others)} arms differ by up to {most - 1:.0%}"
    return _check("windows steady", "three windows within 10 % in every arm", fails, False, bool(findings.warm))


def _sums(decomposed: list[Decomposition]) -> Check:
    if not decomposed:
        return Check("decomposition sums", None, "not measured", False)
    off = [f"{one.arm}, {HOPS[one.hop]}: {one.unexplained / one.total:+.0%}" for one in decomposed if not one.adds_up]
    return Check("decomposition sums", not off, "; ".join(off) or "to the total within 5 %", False)


def _engines(findings: Findings) -> Check:
    """Where another engine sees something else, neither is to be believed."""
    if not findings.cross:
        return Check("engines agree", None, "no other engine was run", False)
    said = [
        f"{one.arm}: {one.engine} {one.theirs:.2f} ms, asyncio {one.ours[0]:.2f} to {one.ours[1]:.2f} ms, "
        f"their own work {one.own:.2f} and {one.spent:.2f} ms"
        for one in findings.cross
    ]
    fine = all(one.agrees for one in findings.cross)
    places: tuple[Place, ...] = () if fine else ((findings.predictors[0], "client"),)
    detail = f"{'; '.join(said)} (margin {MARGIN:.0%} beyond that)"
    return Check("engines agree", fine, detail, True, places)


def _at(findings: Findings, place: Place) -> list[Series]:
    return [one for one in findings.series if (one.predictor, one.hop) == place]
