"""Make what runs agree with what is wanted: which actions that takes, as pure functions of (wanted, running, now).

Two revisions of a unit are two processes here; which of them are wanted is for `rollout` to say. Nothing here knows how
to start a process or where a route is written. Times are seconds of one monotonic clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from isvc.backends.process.binding import Process
from isvc.backends.process.revisions import unit_of
from isvc.backends.stack import Phase
from isvc.plan.units import Condition, Need

GRACE = 10.0
"""Seconds between asking a process to end and ending it."""
DRAIN = 30.0
"""The same where another revision serves already and nobody waits: requests may take long. Kubernetes' own grace."""
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
    killed: bool = False
    """It did not end when it was asked to, and its end is only waited for."""
    was_ready: bool = False
    """Whether it has been ready since it was first started."""


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
    units = _units(wanted)
    ends = [
        _end(key, seen, now, _grace(key, seen, units))
        for key, seen in running.items()
        if not _is_current(current.get(key), seen)
    ]
    starts = [Start(process.key) for process in wanted if _should_start(process, current, running, now)]
    return (*(action for action in ends if action is not None), *starts)


def next_deadline(wanted: Sequence[Process], running: Mapping[str, Running], now: float) -> float | None:
    """Seconds until time alone makes `decide` give something new: a restart or a kill that falls due."""
    due = [seen.ended + pause(seen.failures) for seen in running.values() if seen.ended and _waits_for_restart(seen)]
    units = _units(wanted)
    stopping = ((key, seen, seen.stop_asked) for key, seen in running.items() if is_alive(seen) and not seen.killed)
    due += [asked + _grace(key, seen, units) for key, seen, asked in stopping if asked is not None]
    return max(0.0, min(due) - now) if due else None


def is_alive(seen: Running | None) -> bool:
    return seen is not None and seen.ended is None


def pause(failures: int) -> float:
    """Seconds before a unit that failed so many times in a row is started again: 0, 1, 2, 4 ... up to the longest."""
    return 0.0 if failures <= 1 else min(float(2 ** min(failures - 2, 16)), LONGEST_PAUSE)


def failures_after_end(seen: Running, now: float) -> int:
    """How many ends in a row there are, now that a process has ended that should not have."""
    return 1 if now - seen.started >= STABLE else seen.failures + 1


def needs_met(process: Process, wanted: Mapping[str, Process], running: Mapping[str, Running]) -> bool:
    return all(_met(need, wanted, running) for need in process.needs)


def _is_current(process: Process | None, seen: Running) -> bool:
    return process is not None and process.fingerprint == seen.fingerprint and seen.phase is not Phase.STOPPING


def _end(key: str, seen: Running, now: float, grace: float) -> Action | None:
    if seen.ended is not None:
        return Forget(key)
    if seen.stop_asked is None:
        return Stop(key)
    return Kill(key) if not seen.killed and now - seen.stop_asked >= grace else None


def _units(wanted: Sequence[Process]) -> frozenset[str]:
    return frozenset(unit_of(process.key) for process in wanted)


def _grace(key: str, seen: Running, units: Collection[str]) -> float:
    """How long one that is not wanted has to end: long if it may have requests and another revision takes the new."""
    return DRAIN if seen.was_ready and unit_of(key) in units else GRACE


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
