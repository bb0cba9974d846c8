"""Which units of a plan would be one pod in a cluster, and how KServe would name it and its containers. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from isvc.plan.units import Component, ServicePlan, Unit

KSERVE_CONTAINER = "kserve-container"
STORAGE_INITIALIZER = "storage-initializer"
_SERVERS = (Component.PREDICTOR, Component.TRANSFORMER)
_BEFORE = (Component.STORAGE_INITIALIZER, Component.INIT_CONTAINER)
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' own: no vowel, so that no word comes out."""


@dataclass(frozen=True, slots=True)
class Container:
    name: str
    unit: Unit


@dataclass(frozen=True, slots=True)
class Pod:
    name: str
    deployment: str
    revision: str
    """Another one after each change of what its containers run."""
    component: str
    """`predictor` or `transformer`; of a pod that no cluster would have, what it is."""
    before: tuple[Container, ...]
    """Its init containers."""
    containers: tuple[Container, ...]


def pods(plan: ServicePlan) -> tuple[Pod, ...]:
    """The pods of a service, in the order in which their servers start."""
    members: dict[str, list[Unit]] = {}
    for unit in plan.units:
        if unit.component is not Component.SERVICE:  # no pod in a cluster, but rules of its network
            members.setdefault(_server(unit, plan), []).append(unit)
    original = {copy: name for name, copies in plan.copies for copy in copies}
    return tuple(_pod(server, original.get(server, server), members, plan) for server in members)


def components(plan: ServicePlan) -> Iterator[tuple[str, Unit]]:
    """`predictor` and `transformer`, as far as the service has them, each with its server and the server's copies."""
    for pod in pods(plan):
        for container in pod.containers:
            if container.unit.component in _SERVERS:
                yield container.unit.component.value, container.unit


def _server(unit: Unit, plan: ServicePlan) -> str:
    """The name of the unit whose pod `unit` is in."""
    if unit.pod:
        return unit.pod
    if unit.component is Component.AGENT and unit.needs:
        return _server(_unit(plan, unit.needs[0].unit), plan)
    if unit.component in _BEFORE:
        after = (other for other in plan.units if unit.name in (need.unit for need in other.needs))
        return next((_server(other, plan) for other in after), unit.name)
    return unit.name


def _unit(plan: ServicePlan, name: str) -> Unit:
    return next(unit for unit in plan.units if unit.name == name)


def _pod(server: str, original: str, members: dict[str, list[Unit]], plan: ServicePlan) -> Pod:
    # A copy has the folder that its original's init containers have filled.
    before = [unit for unit in members[original] if unit.component in _BEFORE]
    units = sorted((unit for unit in members[server] if unit.component not in _BEFORE), key=lambda u: u.name != server)
    deployment = original.removesuffix(f".{plan.namespace}")
    told = [(u.command, u.environment, u.image, u.folder) for u in members[original] if u not in before]
    revision = _hash(f"{told} {[u.command for u in before]}", 10)
    return Pod(
        name=f"{deployment}-{revision}-{_hash(f'{plan.namespace}/{server}/{revision}', 5)}",
        deployment=deployment,
        revision=revision,
        component=_component(units or before),
        before=tuple(Container(_container_name(unit, original), unit) for unit in before),
        containers=tuple(Container(_container_name(unit, server), unit) for unit in units),
    )


def _component(units: list[Unit]) -> str:
    return units[0].component.value


def _container_name(unit: Unit, server: str) -> str:
    if unit.component is Component.STORAGE_INITIALIZER:
        return STORAGE_INITIALIZER
    if unit.name == server:
        return KSERVE_CONTAINER if unit.component in _SERVERS else unit.component.value
    return unit.name.removeprefix(f"{server}-")


def _hash(text: str, length: int) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:length])
