"""What is wanted of a project, and how an `up` or a `down` changes it, whatever runs it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection, Iterable
from pathlib import Path

from isvc.backends import sources
from isvc.backends.records import Wanted, WantedService
from isvc.backends.stack import Change
from isvc.plan.units import ServicePlan


def wanted_service(plan: ServicePlan, before: Wanted) -> WantedService:
    """`plan` as it is wanted from now on, as old as the service of that name is already."""
    known = {service.key: service.created for service in before.services}
    folders = {unit.name: unit.folder for unit in plan.units if unit.folder is not None}
    stamps = tuple((name, sources.digest(Path(folder))) for name, folder in folders.items())
    fresh = WantedService(plan, time.time(), stamps)
    return dataclasses.replace(fresh, created=known.get(fresh.key, fresh.created))


def merge(before: Wanted, services: Iterable[WantedService], ingress_port: int) -> Wanted:
    """`before` with `services` too; one of the same name takes the place of the old."""
    merged = {service.key: service for service in (*before.services, *services)}
    return _next(before, merged.values(), ingress_port)


def put_back(now: Wanted, before: Wanted, keys: Iterable[str]) -> Wanted:
    """`now` with the services `keys` as they were `before`; those that were not there are gone."""
    old = {service.key: service for service in before.services}
    merged = {service.key: service for service in now.services}
    for key in keys:
        merged.pop(key, None)
        if key in old:
            merged[key] = old[key]
    return _next(now, merged.values(), before.ingress_port if before.services else now.ingress_port)


def without(now: Wanted, keys: Collection[str]) -> Wanted:
    return _next(now, (service for service in now.services if service.key not in keys), now.ingress_port)


def gone(before: Wanted, after: Wanted) -> tuple[str, ...]:
    """The keys of the services that only `before` has."""
    kept = {service.key for service in after.services}
    return tuple(service.key for service in before.services if service.key not in kept)


def changes(before: Wanted, services: Iterable[WantedService]) -> tuple[tuple[str, Change], ...]:
    old = {service.key: service for service in before.services}
    return tuple((service.key, _change(old.get(service.key), service)) for service in services)


def _next(now: Wanted, services: Iterable[WantedService], ingress_port: int) -> Wanted:
    return dataclasses.replace(now, generation=now.generation + 1, ingress_port=ingress_port, services=tuple(services))


def _change(old: WantedService | None, new: WantedService) -> Change:
    if old is None:
        return Change.CREATED
    return Change.UNCHANGED if _essence(old) == _essence(new) else Change.CONFIGURED


def _essence(service: WantedService) -> WantedService:
    """What makes a difference to what runs."""
    return dataclasses.replace(service, plan=dataclasses.replace(service.plan, notices=(), warmup=None), created=0.0)
