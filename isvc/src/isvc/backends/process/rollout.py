"""A service between its revisions: which one takes the requests, and which are kept for that. Pure.

A new revision starts beside the one that serves. Once all of its units are ready, the ingress is led to it; once the
ingress is known to do so, the one before is kept a moment longer, for requests on their way, and then ends: first what
calls, then what is called. A revision that never becomes ready changes nothing for those that call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from isvc.backends.process.reconcile import Running, is_alive
from isvc.backends.process.revisions import callers, instances
from isvc.backends.records import WantedService
from isvc.backends.stack import Phase, RouteState

LINGER = 2.0
"""Seconds between the ingress' change of mind and the end of the units it led to: it has sent a request by then."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """Where one service stands."""

    serving: WantedService | None = None
    """The service as it was when all of it was ready last: its route leads to these units."""
    switched: float | None = None
    """Since when the ingress is known to lead there."""
    opened: bool = False
    """Whether it ever led anywhere."""
    before: tuple[WantedService, ...] = ()
    """What served before, for as long as the ingress may still lead there."""
    draining: tuple[WantedService, ...] = ()
    """What it leads to no more: a unit of it lives as long as another of it may call it."""

    @property
    def kept(self) -> tuple[WantedService, ...]:
        """Revisions whose every unit has to run, the wanted one apart."""
        return (*((self.serving,) if self.serving else ()), *self.before)


def advance(
    rollout: Rollout, wanted: WantedService, running: Mapping[str, Running], now: float, *, loaded: bool
) -> Rollout:
    """`loaded`: the ingress has the routes to what is `serving` now."""
    if wanted.plan.stopped:
        return Rollout()
    if loaded and rollout.serving is not None and rollout.switched is None:
        rollout = replace(rollout, switched=now, opened=True)
    if rollout.serving != wanted and _settled(wanted, running):
        old = tuple(each for each in rollout.kept if instances(each) != instances(wanted))
        rollout = replace(rollout, serving=wanted, switched=None, before=old)
    if rollout.before and rollout.switched is not None and now - rollout.switched >= LINGER:
        rollout = replace(rollout, before=(), draining=(*rollout.draining, *rollout.before))
    kept = _keys((wanted, *rollout.kept))
    return replace(rollout, draining=tuple(each for each in rollout.draining if _leaving(each, kept, running)))


def next_deadline(rollout: Rollout, now: float) -> float | None:
    """Seconds until time alone makes `advance` give something new."""
    if not rollout.before or rollout.switched is None:
        return None
    return max(0.0, rollout.switched + LINGER - now)


def kept_instances(rollout: Rollout, wanted: WantedService, running: Mapping[str, Running]) -> frozenset[str]:
    """The instances that have to run, of all revisions."""
    kept = _keys((wanted, *rollout.kept))
    return kept.union(*(_still_called(service, kept, running) for service in rollout.draining))


def route_state(rollout: Rollout, running: Mapping[str, Running]) -> RouteState:
    """Where the route should stand.

    It opens when every unit is ready for the first time. From then on what counts is the unit it leads to: a
    transformer whose predictor is away answers for itself.
    """
    service = rollout.serving
    if service is None or not rollout.opened:
        return RouteState.ABSENT
    front = {endpoint.unit for endpoint in service.plan.instances(service.plan.route.rest)}
    return RouteState.OPEN if front & ready_units(service, running) else RouteState.UNAVAILABLE


def ready_units(service: WantedService, running: Mapping[str, Running]) -> frozenset[str]:
    """The names of the units of `service` that take requests."""
    return frozenset(name for name, key in instances(service).items() if _phase(running.get(key)) is Phase.READY)


def is_current(rollout: Rollout, wanted: WantedService) -> bool:
    """Whether requests are known to reach what is `wanted`."""
    return wanted.plan.stopped or (rollout.serving == wanted and rollout.switched is not None)


def _settled(service: WantedService, running: Mapping[str, Running]) -> bool:
    return all(_phase(running.get(key)).settled for key in instances(service).values())


def _still_called(service: WantedService, kept: AbstractSet[str], running: Mapping[str, Running]) -> set[str]:
    """Of a service that is on its way out: what its own units that are not kept, and live, may still call."""
    keys, leaving = instances(service), _leaving(service, kept, running)
    return {keys[name] for name in leaving if leaving.intersection(callers(service, name))}


def _leaving(service: WantedService, kept: AbstractSet[str], running: Mapping[str, Running]) -> set[str]:
    """The names of its units that live and are not kept."""
    return {name for name, key in instances(service).items() if key not in kept and is_alive(running.get(key))}


def _keys(services: Iterable[WantedService]) -> frozenset[str]:
    return frozenset(key for service in services for key in instances(service).values())


def _phase(seen: Running | None) -> Phase:
    return seen.phase if seen else Phase.WAITING
