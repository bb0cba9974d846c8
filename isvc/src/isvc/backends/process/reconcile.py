"""Make what runs agree with what is wanted: which actions that takes, as pure functions of (wanted, running, now).

Nothing here knows how to start a process or where a route is written. Times are seconds of one monotonic clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from isvc.backends.process.binding import Process, unit_key
from isvc.backends.records import WantedService
from isvc.backends.stack import Phase, RouteState
from isvc.plan.units import Condition, Need

GRACE = 10.0
"""Seconds between asking a process to end and ending it."""
STABLE = 20.0
"""A process that ran this long before it ended is restarted as if it had never failed."""
LONGEST_PAUSE = 30.0
"""Seconds; the most that a unit waits before it is started again."""


@dataclass(frozen=True, slots=True)
class Running:
    """What is known of one process that was started."""

    fingerprint: str
    phase: Phase
    started: float
    failures: int = 0
    """Ends in a row that should not have been."""
    ended: float | None = None
    """When it last ended, if it is not alive."""
    stop_asked: float | None = None


@dataclass(frozen=True, slots=True)
class Start:
    key: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask it to end."""

    key: str


@dataclass(frozen=True, slots=True)
class Kill:
    """It was asked, and did not end in time."""

    key: str


@dataclass(frozen=True, slots=True)
class Forget:
    """It is not alive, and nothing depends on having run it."""

    key: str


Action = Start | Stop | Kill | Forget


def decide(wanted: Sequence[Process], running: Mapping[str, Running], now: float) -> tuple[Action, ...]:
    """The actions that bring `running` nearer to `wanted`; none when they agree or only time is missing."""
    current = {process.key: process for process in wanted}
    ends = [_end(key, seen, now) for key, seen in running.items() if not _is_current(current.get(key), seen)]
    starts = [Start(process.key) for process in wanted if _should_start(process, current, running, now)]
    return (*(action for action in ends if action is not None), *starts)


def next_deadline(running: Mapping[str, Running], now: float) -> float | None:
    """Seconds until time alone makes `decide` give something new: a restart or a kill that falls due."""
    due = [seen.ended + pause(seen.failures) for seen in running.values() if seen.ended and _waits_for_restart(seen)]
    due += [seen.stop_asked + GRACE for seen in running.values() if seen.stop_asked and not seen.ended]
    return max(0.0, min(due) - now) if due else None


def pause(failures: int) -> float:
    """Seconds before a unit that failed so many times in a row is started again: 0, 1, 2, 4 ... up to the longest."""
    return 0.0 if failures <= 1 else min(float(2 ** min(failures - 2, 16)), LONGEST_PAUSE)


def failures_after_end(seen: Running, now: float) -> int:
    """How many ends in a row there are, now that a process has ended that should not have."""
    return 1 if now - seen.started >= STABLE else seen.failures + 1


def needs_met(process: Process, wanted: Mapping[str, Process], running: Mapping[str, Running]) -> bool:
    return all(_met(need, wanted, running) for need in process.needs)


def route_state(service: WantedService, running: Mapping[str, Running], opened: Collection[str]) -> RouteState:
    """Where the route of `service` should stand.

    It opens when every unit is ready for the first time. From then on what counts is the unit it leads to: a
    transformer whose predictor is away answers for itself.
    """
    phases = {unit.name: _phase(running.get(unit_key(service.key, unit.name))) for unit in service.plan.units}
    if service.plan.stopped:
        return RouteState.ABSENT
    if service.key not in opened and not all(phase in (Phase.READY, Phase.COMPLETED) for phase in phases.values()):
        return RouteState.ABSENT
    front = (endpoint.unit for endpoint in service.plan.instances(service.plan.route.rest))
    return RouteState.OPEN if any(phases[unit] is Phase.READY for unit in front) else RouteState.UNAVAILABLE


def route_states(
    services: Iterable[WantedService], running: Mapping[str, Running], opened: Collection[str]
) -> dict[str, RouteState]:
    return {service.key: route_state(service, running, opened) for service in services}


def ready_units(service: WantedService, running: Mapping[str, Running]) -> frozenset[str]:
    """The names of the units of `service` that take requests."""
    names = (unit.name for unit in service.plan.units)
    return frozenset(name for name in names if _phase(running.get(unit_key(service.key, name))) is Phase.READY)


def _phase(seen: Running | None) -> Phase:
    return seen.phase if seen else Phase.WAITING


def _is_current(process: Process | None, seen: Running) -> bool:
    return process is not None and process.fingerprint == seen.fingerprint and seen.phase is not Phase.STOPPING


def _end(key: str, seen: Running, now: float) -> Action | None:
    if seen.ended is not None:
        return Forget(key)
    if seen.stop_asked is None:
        return Stop(key)
    return Kill(key) if now - seen.stop_asked >= GRACE else None


def _should_start(process: Process, wanted: Mapping[str, Process], running: Mapping[str, Running], now: float) -> bool:
    seen = running.get(process.key)
    if seen is None:
        return needs_met(process, wanted, running)
    if not _is_current(process, seen) or seen.ended is None or not _waits_for_restart(seen):
        return False
    # A restart does not ask again: a transformer comes back by itself while its predictor is away.
    return now - seen.ended >= pause(seen.failures)


def _waits_for_restart(seen: Running) -> bool:
    return seen.ended is not None and seen.phase is Phase.FAILED


def _met(need: Need, wanted: Mapping[str, Process], running: Mapping[str, Running]) -> bool:
    seen, process = running.get(need.unit), wanted.get(need.unit)
    if seen is None or not _is_current(process, seen):
        return False
    expected = {Condition.COMPLETED: Phase.COMPLETED, Condition.READY: Phase.READY}
    return seen.phase is expected[need.condition]
