"""Which revision of each unit is wanted: what the unit is, whatever port it gets. Pure.

A revision is named as KServe's Deployments name theirs, by a hash of what is in it. It covers what the unit calls and
what it reads, too, so a unit's address and folder never change under one that uses them: a new predictor has a port of
its own, and brings a new transformer that knows it. A request is then served by units that belong together, whole, and
no relay stands between them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from isvc.backends.records import WantedService
from isvc.plan.units import Condition, Directory, Endpoint, Piece, Unit

_LENGTH = 8


def revisions(service: WantedService) -> dict[str, str]:
    """Name of each unit -> its revision."""
    sources = dict(service.sources)
    own = {
        unit.name: _digest((repr(unit), repr(unit.secrets), sources.get(unit.name, ""))) for unit in service.plan.units
    }
    return {name: _digest(own[each] for each in [name, *sorted(_reached(service, name))]) for name in own}


def instances(service: WantedService) -> dict[str, str]:
    """Name of each unit -> the key of its instance, `namespace/service/unit@revision`."""
    return {name: f"{service.key}/{name}@{revision}" for name, revision in revisions(service).items()}


def unit_of(instance: str) -> str:
    """The key of the unit of which `instance` is a revision; what has none, like the ingress, is its own."""
    return instance.partition("@")[0]


def revision_name(instance: str) -> str:
    """`torch-transformer-predictor-5d41402a`."""
    return instance.rpartition("/")[2].replace("@", "-")


def folders(service: WantedService) -> dict[str, str]:
    """Name of each shared folder -> where it is below the service's own: `revisions/5d41402a/models`.

    It is as old as what fills it; where nothing does, as those that share it.
    """
    named = revisions(service)
    found = {}
    for directory in dict.fromkeys(each for unit in service.plan.units for each in _directories(unit)):
        if directory.holds_files:  # written before anything starts, and kept up to date where it is
            found[directory.name] = directory.name
            continue
        users = [unit for unit in service.plan.units if directory in _directories(unit)]
        fillers = [unit for unit in users if unit.probe is None]
        revision = _digest(named[unit.name] for unit in fillers or users)
        found[directory.name] = f"revisions/{revision}/{directory.name}"
    return found


def callers(service: WantedService, name: str) -> list[str]:
    """The units that call the unit called `name`, those of its own pod left out: they come and go together."""
    callee = next(unit for unit in service.plan.units if unit.name == name)
    others = (unit for unit in service.plan.units if not (unit.pod and unit.pod == callee.pod))
    return [unit.name for unit in others if unit.name != name and name in _called(unit)]


def _reached(service: WantedService, name: str) -> set[str]:
    """The units on which the one called `name` rests: what it calls, reads from or shares a pod with, and so on."""
    units = {unit.name: unit for unit in service.plan.units}
    found: set[str] = set()
    ahead = [name]
    while ahead:
        unit = units[ahead.pop()]
        found.add(unit.name)
        mates = {other.name for other in units.values() if unit.pod and other.pod == unit.pod}
        read = {need.unit for need in unit.needs if need.condition is Condition.COMPLETED}
        ahead += ((_called(unit) | read | mates) & units.keys()) - found
    return found - {name}


def _called(unit: Unit) -> set[str]:
    return {piece.unit for piece in _pieces(unit) if isinstance(piece, Endpoint)}


def _directories(unit: Unit) -> list[Directory]:
    mounted = [mount.directory for mount in unit.mounts if isinstance(mount.directory, Directory)]
    return [*mounted, *(piece for piece in _pieces(unit) if isinstance(piece, Directory))]


def _pieces(unit: Unit) -> list[Piece]:
    words = (*unit.command, *(word for _, word in unit.environment))
    return [piece for word in words for piece in word]


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_LENGTH]
