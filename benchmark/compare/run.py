"""A whole run: which parts, in which order, and which are left out when time runs short."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmark.compare import codecs, cross, ground, stand, wire
from benchmark.compare.arms import ARMS, HOPS, ArmName
from benchmark.compare.findings import Findings, is_control
from benchmark.compare.ground import Ground
from benchmark.compare.load.crew import Crew, crew
from benchmark.compare.plan import Loads, Plan
from benchmark.compare.progress import Progress
from benchmark.compare.session import BESIDE, Session
from benchmark.compare.stand import Stand

LOCUST_ARMS: tuple[ArmName, ...] = ("v2-binary", "grpc")
NEARLY = 0.75
"""The share of a plan's time after which its blocks are no more than have to be."""
Part = tuple[str, float, Callable[[], None]]
"""A name, about how many seconds, and the work."""


class NothingThere(Exception):
    """No arm gives an answer: there is nothing to compare; the message says what came instead."""


@dataclass(frozen=True)
class Asked:
    """What is compared. With `target` (an ingress) its client's hop alone, else servers of our own on `predictors`."""

    predictors: tuple[str, ...]
    target: str | None
    host: str
    model: str
    picture: bytes
    locust: bool = True


@dataclass(frozen=True)
class Run:
    """A plan that is being carried out by client processes; what comes of it goes into `findings`."""

    plan: Plan
    asked: Asked
    findings: Findings
    clients: Crew
    scratch: Path
    progress: Progress

    def at_target(self, url: str) -> None:
        """The client's hop at an ingress that runs already."""
        here = ground.of_target(url, self.asked.host, self.asked.model, self.asked.picture, self.scratch / "target")
        self._everything(self._session(here), None)

    def on_stands(self) -> None:
        """Both hops, with servers of our own: everything on the first kind of predictor, the floor on the second."""
        kinds = self.asked.predictors if self.plan.floor is not None else self.asked.predictors[:1]
        for number, kind in enumerate(kinds):
            folder = self.scratch / f"stand-{number}"
            with stand.up(kind, folder, self.progress.say, ingress=stand.has_ingress()) as standing:
                self.findings.notes += [note for note in standing.notes if note not in self.findings.notes]
                for (hop, arm), why in standing.missing.items():
                    self.findings.missing[kind, hop, arm] = why
                session = self._session(ground.of_stand(standing, self.asked.picture, folder))
                if number == 0:
                    self._everything(session, standing)
                elif self.plan.floor is not None:
                    self._one_connection(session, self.plan.floor)

    def _late(self) -> bool:
        return self.progress.elapsed > self.plan.limit * NEARLY

    def _session(self, here: Ground) -> Session:
        """Raises NothingThere."""
        session = Session(here, self.clients, self.plan, self.findings, self.progress.tick, self._late)
        self.progress.say("checking that all arms answer the same")
        session.check_answers()
        if not session.ground.lanes:
            raise NothingThere("; ".join(sorted(set(self.findings.missing.values()))))
        return session

    def _everything(self, session: Session, standing: Stand | None) -> None:
        self.progress.say("counting bytes on the wire")
        wire.count_client(session.ground, self.clients, self.findings)
        if standing is not None:
            wire.count_predictor(standing, session.ground, self.clients, self.findings, self.scratch)
        self._one_connection(session, self.plan.single)
        self._several_connections(session)
        for name, seconds, work in self._optional(session, standing):
            if self.progress.elapsed + seconds > self.plan.limit:
                self._leave_out(name, seconds)
            else:
                self.progress.say(name)
                work()

    def _leave_out(self, what: str, seconds: float) -> None:
        self.findings.notes.append(f"left out, for want of time: {what}")
        self.progress.skip(seconds)

    def _one_connection(self, session: Session, loads: Loads) -> None:
        self.progress.say("warming up until stable")
        session.warm_up(max(self.plan.levels))
        for hop, title in HOPS.items():
            if lanes := session.ground.of(hop):
                self.progress.say(f"one connection, {title}")
                session.closed(lanes, 1, loads, beside=True)
        self.findings.client.update(codecs.client(self.asked.picture, self.asked.model, session.answers))
        for (kind, arm), probe in self.findings.direct.items():
            if kind == session.ground.predictor and probe.answer:
                spoken = codecs.hop(stand.wire_of(arm), session.ground.model, probe.answer, probe.json_length)
                self.findings.transformer[kind, arm] = spoken

    def _several_connections(self, session: Session) -> None:
        for level in self.plan.levels:
            seconds = (len(ARMS) + 1) * seconds_of(self.plan.several)
            if self.progress.elapsed + seconds > self.plan.limit:
                self._leave_out(f"{level} connections", seconds)
                continue
            self.progress.say(f"{level} connections, closed loop, client to transformer")
            session.closed(session.ground.of("client"), level, self.plan.several)
        lanes = session.ground.of("predictor")
        if lanes and self.plan.both_hops:
            self.progress.say(f"{self.plan.levels[-1]} connections, closed loop, transformer to predictor")
            session.closed(lanes, self.plan.levels[-1], self.plan.several)

    def _optional(self, session: Session, standing: Stand | None) -> Iterator[Part]:
        """Open loop, the other engine, the curve: what may be left out when there is no time for it."""
        lanes = [lane for lane in session.ground.of("client") if not is_control(lane.arm)]
        for share in self.plan.shares:
            name = f"open loop, Poisson arrivals at {share:.0%} of each arm's capacity"
            work = partial(session.open_loop, lanes, max(16, *self.plan.levels), share, self.plan.open)
            yield name, len(lanes) * seconds_of(self.plan.open), work
        if self.asked.locust:
            yield "the same by wrk: v2-binary", self.plan.locust_seconds, partial(self._wrk, session)
        for arm in LOCUST_ARMS if self.asked.locust else ():
            yield f"the same by Locust: {arm}", 2 * self.plan.locust_seconds + 3, partial(self._locust, session, arm)
        if standing is None:
            return
        for size in middle_first(self.plan.sizes):
            name = f"a tensor of {size} bytes straight to the predictor"
            yield name, len(ARMS) * seconds_of(self.plan.curve), partial(self._curve, session, standing, size)

    def _curve(self, session: Session, standing: Stand, size: int) -> None:
        session.curve(size, ground.curve(standing.predictor, size, self.scratch), self.plan.curve)

    def _wrk(self, session: Session) -> None:
        seconds = self.plan.locust_seconds
        cross.with_wrk(session.ground, self.clients, self.findings, seconds, self.scratch, "v2-binary")

    def _locust(self, session: Session, arm: ArmName) -> None:
        _write_payload(self.asked.picture, self.scratch)
        seconds = self.plan.locust_seconds
        cross.with_locust(session.ground, self.clients, self.findings, seconds, self.scratch, arm)


def measure(plan: Plan, asked: Asked, findings: Findings, scratch: Path, progress: Progress) -> None:
    """Adds to `findings`. Raises NothingThere, ServerFailed, EnvironmentFailed, CrewFailed; KeyboardInterrupt."""
    with crew(plan.processes, scratch / "crew.log") as clients:
        run = Run(plan, asked, findings, clients, scratch, progress)
        if asked.target is not None:
            run.at_target(asked.target)
        else:
            run.on_stands()


def planned(plan: Plan, asked: Asked) -> float:
    """Seconds of loads, about."""
    arms, hops = len(ARMS) + 1, 1 if asked.target else 2
    warm = arms * hops * plan.warm_window * 4
    single = arms * hops * seconds_of(plan.single) * (1 + 2 * BESIDE)
    several = arms * (len(plan.levels) + (plan.both_hops and hops == 2)) * seconds_of(plan.several)
    opened = len(ARMS) * len(plan.shares) * seconds_of(plan.open)
    curve = 0.0 if asked.target else len(ARMS) * len(plan.sizes) * seconds_of(plan.curve)
    floor = (
        arms * 2 * seconds_of(plan.floor) * (1 + 2 * BESIDE) + warm if plan.floor and len(asked.predictors) > 1 else 0.0
    )
    locust = (2 * len(LOCUST_ARMS) + 1) * plan.locust_seconds if asked.locust else 0.0
    return warm + single + several + opened + curve + floor + locust


def _write_payload(picture: bytes, scratch: Path) -> None:
    """The picture as the V1 body that Locust's users make their requests of."""
    text = base64.b64encode(picture).decode()
    body = json.dumps({"instances": [{"image": {"b64": text}}]})
    (scratch / cross.PAYLOAD).write_text(body, encoding="utf-8")


def middle_first(sizes: tuple[int, ...]) -> list[int]:
    """The size of a small picture first: if time runs short, that is the one to have."""
    return sorted(sizes, key=lambda size: size != 12288)


def seconds_of(loads: Loads) -> float:
    """Of one arm."""
    return loads.blocks * loads.seconds
