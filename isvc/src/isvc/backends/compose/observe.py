"""What `docker inspect` tells, as the status of units. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from isvc.backends.compose.engine import SERVICE_LABEL
from isvc.backends.compose.render import INGRESS
from isvc.backends.compose.site import kserve_name, service_key
from isvc.backends.stack import LogLine, Phase, RouteState, ServiceStatus, UnitStatus
from isvc.plan.units import ServicePlan, Unit

Container = Mapping[str, Any]

_LOG_LINE = re.compile(r"(?:\x1b\[[0-9;]*[A-Za-z])*(\S+?)(?:-\d+)? +\| (\d{4}-\S+?Z) ?(.*)")


def by_service(containers: Collection[Container]) -> dict[str, Container]:
    """The containers by the name that Compose gives their service."""
    return {container["Config"]["Labels"][SERVICE_LABEL]: container for container in containers}


def phase(container: Container | None, ends: bool) -> Phase:
    """Where a container stands; `ends` is said of a program that is meant to."""
    state: Mapping[str, Any] = container["State"] if container else {"Status": "created"}
    match state["Status"]:
        case "created":
            return Phase.WAITING
        case "running" if not ends and state.get("Health", {}).get("Status", "healthy") == "healthy":
            return Phase.READY
        case "running" | "paused":
            return Phase.STARTING
        case "exited" if ends and state["ExitCode"] == 0:
            return Phase.COMPLETED
        case "removing":
            return Phase.STOPPING
        case _:
            return Phase.FAILED


def unit_status(service: ServicePlan, unit: Unit, container: Container | None) -> UnitStatus:
    name = kserve_name(service, unit)
    return _status(
        unit.name,
        container,
        phase(container, ends=unit.probe is None),
        tuple((port, f"{name}:{number}") for port, number in unit.ports),
    )


def ingress_status(container: Container | None, port: int) -> UnitStatus:
    # Without waiting for its health: a port that takes connections is all that others need of it.
    running = container is not None and container["State"]["Status"] == "running"
    found = Phase.READY if running else phase(container, ends=False)
    return _status(INGRESS, container, found, (("web", f"127.0.0.1:{port}"),))


def service_status(
    plan: ServicePlan, created: float, units: tuple[UnitStatus, ...], ingress: UnitStatus
) -> ServiceStatus:
    return ServiceStatus(plan, created, _route_state(plan, units, ingress), units)


def container_of(service: ServicePlan, unit: Unit, containers: Mapping[str, Container]) -> Container | None:
    return containers.get(service_key(service, unit))


def log_line(text: str) -> LogLine | None:
    """A line of `docker compose logs --timestamps`; None for what is none."""
    match = _LOG_LINE.match(text.rstrip("\n"))
    return LogLine(_seconds(match[2]), match[1], match[3]) if match else None


def _status(name: str, container: Container | None, found: Phase, addresses: tuple[tuple[str, str], ...]) -> UnitStatus:
    if container is None:
        return UnitStatus(name, found, addresses=addresses)
    state = container["State"]
    return UnitStatus(
        name,
        found,
        pid=state.get("Pid") or None,
        addresses=addresses,
        restarts=container.get("RestartCount", 0),
        exit_code=state["ExitCode"] if state["Status"] in ("exited", "restarting", "dead") else None,
    )


def _route_state(plan: ServicePlan, units: tuple[UnitStatus, ...], ingress: UnitStatus) -> RouteState:
    """Open once the unit it leads to is ready: Traefik has the route from the first, and answers 503 until then."""
    front = next((unit for unit in units if unit.name == plan.route.rest.unit), None)
    if front is None:
        return RouteState.ABSENT
    if front.phase is Phase.READY and ingress.phase is Phase.READY:
        return RouteState.OPEN
    return RouteState.UNAVAILABLE if front.was_ready or front.restarts else RouteState.ABSENT


def _seconds(stamp: str) -> float:
    """RFC 3339 with nanoseconds, of which Python reads six digits."""
    whole, _, fraction = stamp.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")
