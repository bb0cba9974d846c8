"""Measures on one ground: checks answers, warms up, then sends interleaved blocks. Adds to the findings as it goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import psutil

from benchmark.compare import messages, probes, schedule, stability, statistics
from benchmark.compare.arms import ArmName
from benchmark.compare.findings import Block, CurvePoint, Findings, Mode, Series, Warm
from benchmark.compare.ground import Ground, Lane
from benchmark.compare.intervals import FEWEST_BLOCKS
from benchmark.compare.load.connection import Target
from benchmark.compare.load.crew import Crew, Load, Seen
from benchmark.compare.plan import Loads, Plan
from benchmark.compare.quantiles import Values
from benchmark.compare.stability import Window
from benchmark.compare.stand import wire_of

TOLERANCE = 1e-4
ONE_REQUEST = 0.001
"""Seconds of a load that is one request, or a few."""
BESIDE = 0.3
"""The share of a load's seconds for which each probe asks."""
Late = Callable[[], bool]
"""Whether the time is over: no more is done than what a statement needs."""
Tick = Callable[[float], None]
"""Told how many planned seconds have been spent."""


@dataclass
class Session:
    """One ground, one crew; `expected` are the numbers that every answer has to hold, by hop."""

    ground: Ground
    crew: Crew
    plan: Plan
    findings: Findings
    tick: Tick
    late: Late = lambda: False
    """By default, never."""

    def __post_init__(self) -> None:
        self._expected: dict[str, Values] = {}
        self.answers: dict[str, tuple[bytes, str]] = {}
        """Of the client's hop, by arm: the first answer's body, and the length of its JSON part."""
        self._seed = self.plan.seed

    # -- before anything is timed ----------------------------------------------------------------------------------

    def check_answers(self) -> None:
        """Asks every arm once. An arm that gives no numbers is missing, with its answer as the reason; numbers that
        differ from the first arm's are noted, and nothing is measured on that hop.
        """
        gone = set()
        for lane in self.ground.lanes:
            seen = self.crew.send(Load(lane.target, 1, ONE_REQUEST))
            fault = seen.faults[0] if seen.faults else self._compare(lane, seen)
            if fault is not None:
                gone.add((lane.hop, lane.arm))
                self.findings.missing[self.ground.predictor, lane.hop, lane.arm] = fault
        self.ground = self.ground.without(gone)

    def _compare(self, lane: Lane, seen: Seen) -> str | None:
        try:
            got = messages.numbers(self._wire(lane), seen.answer, seen.json_length)
        except messages.AnswerUnreadable as exc:
            return str(exc)
        if lane.hop == "client":
            self.answers[lane.arm] = seen.answer, seen.json_length
        wanted = self._expected.setdefault(lane.hop, got)
        key = (self.ground.predictor, lane.hop)
        if got.shape != wanted.shape:
            self.findings.differ.append(
                f"{lane.arm} on the {lane.hop}'s hop answers {got.size} numbers, others {wanted.size}"
            )
            return None
        apart = float(np.abs(got - wanted).max())
        self.findings.apart[key] = max(apart, self.findings.apart.get(key, 0.0))
        if apart > TOLERANCE:
            self.findings.differ.append(f"{lane.arm} on the {lane.hop}'s hop is off by {apart:.3g}")
        return None

    def warm_up(self, connections: int) -> None:
        """Every arm until it is stable, or for the plan's most windows."""
        for lane in self.ground.lanes:
            self.crew.send(Load(lane.target, 1, ONE_REQUEST))  # a connection that was idle may be gone
            before = self._connections(lane.target)
            windows: list[Window] = []
            cold = 0.0
            while len(windows) < self.plan.warm_most and not stability.warm(windows) and not (windows and self.late()):
                seen = self._send(lane, Load(lane.target, connections, self.plan.warm_window))
                cold = cold or float(seen.latencies[np.argmin(seen.ended)]) * 1000
                windows.append(Window(seen.rate, float(np.median(seen.latencies))))
            after = self._connections(lane.target)
            tcp = None if before is None or after is None else after - before + 1  # one is there since the check
            key = (self.ground.predictor, lane.hop, lane.arm)
            self.findings.warm[key] = _warm(windows, cold, tcp, connections)

    # -- timed -----------------------------------------------------------------------------------------------------

    def closed(self, lanes: Sequence[Lane], connections: int, loads: Loads, beside: bool = False) -> None:
        """A closed loop on every lane, in interleaved blocks; with `beside`, the probes after each."""
        series = {lane.arm: self._series(lane, "closed", connections) for lane in lanes}
        for number, block in enumerate(schedule.blocks(lanes, loads.blocks, self._next_seed())):
            if number >= FEWEST_BLOCKS and self.late():
                break
            for lane in block:
                load = Load(lane.target, connections, loads.seconds)
                series[lane.arm].blocks.append(self._block(lane, load))
                if beside:
                    probes.beside(self.ground, self.crew, self.findings, lane, loads.seconds * BESIDE)
                    self.tick(2 * loads.seconds * BESIDE)

    def open_loop(self, lanes: Sequence[Lane], connections: int, share: float, loads: Loads) -> None:
        """Poisson arrivals at `share` of each arm's own capacity, in interleaved blocks."""
        rates = {lane.arm: share * self.capacity(lane) for lane in lanes}
        lanes = [lane for lane in lanes if rates[lane.arm] > 0]
        series = {lane.arm: self._series(lane, "open", connections, rates[lane.arm], share) for lane in lanes}
        for block in schedule.blocks(lanes, loads.blocks, self._next_seed()):
            for lane in block:
                load = Load(lane.target, connections, loads.seconds, rates[lane.arm], self._next_seed())
                series[lane.arm].blocks.append(self._block(lane, load))

    def capacity(self, lane: Lane) -> float:
        """The most that the arm did in a closed loop."""
        found = [one for one in self.findings.at(self.ground.predictor, lane.hop, "closed") if one.arm == lane.arm]
        return max((one.throughput for one in found), default=0.0)

    def curve(self, size: int, targets: dict[str, Target], loads: Loads) -> None:
        """One payload size on every arm, straight at the predictor."""
        speaks = {arm: target for arm, target in targets.items() if not self._refused(arm, size, target)}
        seen: dict[str, list[Seen]] = {arm: [] for arm in speaks}
        for block in schedule.blocks(list(speaks), loads.blocks, self._next_seed()):
            for arm in block:
                seen[arm].append(self._timed(Load(speaks[arm], 1, loads.seconds)))
        for arm, found in seen.items():
            self.findings.curve.append(_point(arm, size, speaks[arm], found))

    # -- the parts -------------------------------------------------------------------------------------------------

    def _refused(self, arm: str, size: int, target: Target) -> bool:
        seen = self.crew.send(Load(target, 1, ONE_REQUEST))
        if not seen.errors:
            return False
        self.findings.curve.append(CurvePoint(arm, size, target.body.stat().st_size, (), (), 0, seen.faults[0]))
        return True

    def _series(
        self, lane: Lane, mode: Mode, connections: int, rate: float | None = None, share: float | None = None
    ) -> Series:
        made = Series(self.ground.predictor, lane.hop, lane.arm, mode, connections, rate, share)
        self.findings.series.append(made)
        return made

    def _block(self, lane: Lane, load: Load) -> Block:
        before = {role: server.usage().cpu_seconds for role, server in lane.servers.items()}
        told = self._counted()
        seen = self._send(lane, load)
        after = {role: server.usage() for role, server in lane.servers.items()}
        used = {role: usage.cpu_seconds - before[role] for role, usage in after.items()}
        block = made(seen, used, statistics.mean_ms(told, self._counted()))
        rss = {"client": self.crew.rss(), **{role: usage.rss for role, usage in after.items()}}
        return replace(block, wrong=self._wrong(lane, seen), rss=rss)

    def _counted(self) -> statistics.Counted | None:
        return statistics.counted(self.ground.statistics, self.ground.model) if self.ground.statistics else None

    def _send(self, lane: Lane, load: Load) -> Seen:
        return self._timed(replace(load, target=lane.target))

    def _timed(self, load: Load) -> Seen:
        seen = self.crew.send(load)
        self.tick(load.seconds)
        return seen

    def _wrong(self, lane: Lane, seen: Seen) -> str | None:
        if seen.errors:
            return None  # said already
        try:
            got = messages.numbers(self._wire(lane), seen.answer, seen.json_length)
        except messages.AnswerUnreadable as exc:
            return str(exc)
        wanted = self._expected[lane.hop]
        same = got.shape == wanted.shape and bool(np.allclose(got, wanted, atol=TOLERANCE))
        return None if same else f"an answer of {lane.arm} changed under load"

    def _wire(self, lane: Lane) -> ArmName:
        return wire_of(lane.arm) if lane.hop == "client" else "v1"

    def _connections(self, target: Target) -> int | None:
        """TCP connections that the clients have to the target; None where the system does not tell."""
        _, port = target.address
        try:
            return sum(
                link.status == psutil.CONN_ESTABLISHED and bool(link.raddr) and link.raddr.port == port
                for pid in self.crew.pids
                for link in psutil.Process(pid).net_connections("tcp")
            )
        except psutil.Error:
            return None

    def _next_seed(self) -> int:
        self._seed += 1
        return self._seed


def _warm(windows: list[Window], cold: float, tcp: int | None, connections: int) -> Warm:
    spread = stability.spread(windows)
    told = spread if np.isfinite(spread) else None
    return Warm(stability.warm(windows), stability.steady(windows), told, len(windows), cold, tcp, connections)


def made(seen: Seen, used: dict[str, float], predictor: tuple[float, float, float] | None) -> Block:
    """A block in milliseconds."""
    requests = max(1, len(seen.ended))
    planned = len(seen.ended) + seen.dropped
    opened = bool(len(seen.intended)) and not np.array_equal(seen.intended, seen.sent)
    on_time = float((seen.ended <= seen.seconds + _slack(seen)).sum()) / max(1, planned) if opened else 1.0
    lag = float(np.quantile(seen.sent - seen.intended, 0.99)) * 1000 if opened else 0.0
    cpu = {role: seconds / requests * 1000 for role, seconds in used.items()}
    return Block(
        latencies=seen.latencies * 1000,
        uncorrected=seen.uncorrected * 1000,
        rate=seen.rate,
        errors=seen.errors,
        faults=seen.faults,
        dropped=seen.dropped,
        on_time=on_time,
        lag_ms=lag,
        told=statistics.told(seen.timings),
        predictor=predictor,
        cpu={"client": seen.client_cpu / requests * 1000, **cpu},
        client_cores=seen.client_cores,
        wrong=None,
    )


def _slack(seen: Seen) -> float:
    """What is on its way when the schedule ends is not late: three usual latencies."""
    return 3 * float(np.median(seen.uncorrected)) if len(seen.ended) else 0.0


def _point(arm: str, size: int, target: Target, found: list[Seen]) -> CurvePoint:
    fault = next((fault for seen in found for fault in seen.faults), None)
    medians = () if fault else tuple(float(np.median(seen.latencies)) * 1000 for seen in found)
    rates = () if fault else tuple(seen.rate for seen in found)
    requests = sum(len(seen.ended) for seen in found)
    return CurvePoint(arm, size, target.body.stat().st_size, medians, rates, requests, fault)
