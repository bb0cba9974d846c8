"""What the controller's tests stand on: objects from the examples, and a backend that runs nothing."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from isvc import plan, settings
from isvc.backends.stack import (
    Applied,
    Change,
    Gone,
    LogLine,
    Phase,
    RouteState,
    ServiceStatus,
    StackStatus,
    UnitStatus,
    never,
)
from isvc.manifest import Document
from isvc.plan.units import Plan, ServicePlan
from isvc.server.documents import document
from isvc.server.resources import INFERENCE_SERVICES, Object

ROOT = Path(__file__).resolve().parents[4]
MNIST = ROOT / "examples/torch-transformer/transformer-new.yaml"
COLLOCATED = ROOT / "examples/collocated-transformer/service.yaml"
SETTINGS = settings.load(ROOT)


def body(name: str = "digits", namespace: str = "default", **predictor: Any) -> Object:
    """An InferenceService as kubectl would send it."""
    read: Object = yaml.safe_load(MNIST.read_text())
    read["metadata"] = {"name": name, "namespace": namespace}
    read["spec"]["predictor"] |= predictor
    return read


def planned(*bodies: Object) -> tuple[ServicePlan, ...]:
    return make_plan([document(INFERENCE_SERVICES, each) for each in bodies], print).services


def make_plan(documents: Sequence[Document], say: Callable[[str], None]) -> Plan:
    return plan.build(documents, SETTINGS)


def running(service: ServicePlan, phase: Phase = Phase.READY, **units: UnitStatus) -> ServiceStatus:
    """`service` with every server in `phase` and what ends before it ended; `units` are by their last word."""

    def status(name: str, ends: bool) -> UnitStatus:
        given = next((unit for word, unit in units.items() if name.endswith(word.replace("_", "-"))), None)
        if given is not None:
            return dataclasses.replace(given, name=name)
        return UnitStatus(name, Phase.COMPLETED if ends else phase, was_ready=phase is Phase.READY)

    statuses = tuple(status(unit.name, unit.probe is None) for unit in service.units)
    route = RouteState.OPEN if all(unit.phase.settled for unit in statuses) else RouteState.ABSENT
    return ServiceStatus(service, 1000.0, route, statuses)


class FakeBackend:
    """Everything it is asked for is ready at once. `refuses` are names of services that cannot be started."""

    name = "fake"
    description = "nothing runs"

    def __init__(self) -> None:
        self.services: dict[str, ServicePlan] = {}
        self.calls: list[str] = []
        self.refuses: dict[str, Exception] = {}
        self.held = threading.Event()
        self.held.set()
        self.running = True
        self._generation = 0

    def apply(self, plan: Plan, ingress_port: int | None) -> Applied:
        for service in plan.services:
            if service.name in self.refuses:
                raise self.refuses[service.name]
        self._generation += 1
        self.running = True
        changes = []
        for service in plan.services:
            key = f"{service.namespace}/{service.name}"
            self.calls.append(f"apply {service.name}")
            self.services[key] = service
            changes.append((key, Change.CREATED))
        return Applied(tuple(changes), self._generation, 18080)

    def revert(self, applied: Applied) -> None:
        raise NotImplementedError

    def remove(self, keys: Iterable[str]) -> tuple[str, ...]:
        if not self.held.wait(10):
            raise TimeoutError
        gone = tuple(key for key in keys if self.services.pop(key, None) is not None)
        self.calls += [f"remove {key}" for key in gone]
        return gone

    def down(self, *, volumes: bool) -> tuple[str, ...]:
        return self.remove(list(self.services))

    def status(self) -> StackStatus:
        services = tuple(running(service) for service in list(self.services.values()))
        if not self.running:
            services = tuple(dataclasses.replace(service, route=RouteState.ABSENT) for service in services)
        return StackStatus("test", "fake", running=self.running, services=services)

    def logs(
        self, units: Sequence[str] | None, tail: int | None, follow: bool, gone: Gone = never
    ) -> Iterator[LogLine]:
        for unit in units or ():
            yield LogLine(1.5, unit, f"a line of {unit}")
            yield LogLine(2.5, unit, "another")

    def scratch(self, service: ServicePlan) -> str:
        raise NotImplementedError
