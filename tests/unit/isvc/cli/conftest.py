from collections.abc import Callable

import pytest

from isvc.backends.stack import Phase, RouteState, ServiceStatus, StackStatus, UnitStatus
from isvc.plan.units import Component, Endpoint, Route, ServicePlan, Unit

PARTS = (Component.STORAGE_INITIALIZER, Component.PREDICTOR, Component.TRANSFORMER)
PHASES = (Phase.COMPLETED, Phase.READY, Phase.READY)


@pytest.fixture
def plan() -> Callable[..., ServicePlan]:
    def make(name: str = "mnist", namespace: str = "default", warmup: str | None = None) -> ServicePlan:
        units = tuple(Unit(f"{name}-{component.value}", component, (("program",),)) for component in PARTS)
        front = f"{name}-transformer"
        route = Route((f"{name}.{namespace}.example.com",), Endpoint(front, "http"), Endpoint(front, "grpc"))
        return ServicePlan(name, namespace, units, route, "model", warmup=warmup)

    return make


@pytest.fixture
def service(plan: Callable[..., ServicePlan]) -> Callable[..., ServiceStatus]:
    """A service of three units in `phases`; `last_lines` are those of the units that failed."""

    def make(
        name: str = "mnist",
        namespace: str = "default",
        phases: tuple[Phase, ...] = PHASES,
        route: RouteState = RouteState.OPEN,
        last_lines: tuple[str, ...] = (),
        was_ready: bool = False,
    ) -> ServiceStatus:
        planned = plan(name, namespace)
        units = tuple(
            UnitStatus(unit.name, phase, exit_code=1, last_lines=last_lines, was_ready=was_ready)
            if phase is Phase.FAILED
            else UnitStatus(unit.name, phase)
            for unit, phase in zip(planned.units, phases, strict=True)
        )
        return ServiceStatus(planned, created=0.0, route=route, units=units)

    return make


@pytest.fixture
def stack() -> Callable[..., StackStatus]:
    def make(*services: ServiceStatus) -> StackStatus:
        return StackStatus("test", "process", running=True, ingress_port=8080, services=services)

    return make
