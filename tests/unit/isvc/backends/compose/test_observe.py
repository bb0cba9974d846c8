from __future__ import annotations

from typing import Any

import pytest

from isvc.backends.compose import observe
from isvc.backends.stack import Phase, RouteState, UnitStatus
from isvc.plan.units import ServicePlan


def container(status: str, health: str | None = None, code: int = 0, restarts: int = 0, pid: int = 7) -> dict[str, Any]:
    state: dict[str, Any] = {"Status": status, "ExitCode": code, "Pid": pid}
    if health is not None:
        state["Health"] = {"Status": health}
    labels = {"com.docker.compose.service": "digits-predictor"}
    return {"Id": "c0ffee", "State": state, "RestartCount": restarts, "Config": {"Labels": labels}}


@pytest.mark.parametrize(
    ("found", "server", "program"),
    [
        (None, Phase.WAITING, Phase.WAITING),
        (container("created"), Phase.WAITING, Phase.WAITING),
        (container("running"), Phase.READY, Phase.STARTING),
        (container("running", "starting"), Phase.STARTING, Phase.STARTING),
        (container("running", "healthy"), Phase.READY, Phase.STARTING),
        (container("running", "unhealthy"), Phase.STARTING, Phase.STARTING),
        (container("paused", "healthy"), Phase.STARTING, Phase.STARTING),
        (container("restarting", "starting", 1), Phase.FAILED, Phase.FAILED),
        (container("exited", None, 0), Phase.FAILED, Phase.COMPLETED),
        (container("exited", None, 1), Phase.FAILED, Phase.FAILED),
        (container("removing"), Phase.STOPPING, Phase.STOPPING),
        (container("dead", None, 137), Phase.FAILED, Phase.FAILED),
    ],
)
def test_a_container_s_state_is_a_phase(found: dict[str, Any] | None, server: Phase, program: Phase) -> None:
    assert observe.phase(found, ends=False) is server
    assert observe.phase(found, ends=True) is program


def test_a_unit_tells_its_pid_restarts_and_kserve_addresses(service: ServicePlan) -> None:
    seen = observe.unit_status(service, service.units[1], container("running", "healthy", restarts=2))
    assert (seen.pid, seen.restarts, seen.exit_code) == (7, 2, None)
    assert dict(seen.addresses)["grpc"] == "digits-predictor.default:9000"


def test_a_unit_that_ended_tells_its_exit_code_and_no_pid(service: ServicePlan) -> None:
    seen = observe.unit_status(service, service.units[0], container("exited", code=1, pid=0))
    assert (seen.pid, seen.exit_code) == (None, 1)


@pytest.mark.parametrize(
    ("front", "ingress", "state"),
    [
        (UnitStatus("digits-transformer", Phase.READY), Phase.READY, RouteState.OPEN),
        (UnitStatus("digits-transformer", Phase.READY), Phase.WAITING, RouteState.ABSENT),
        (UnitStatus("digits-transformer", Phase.STARTING), Phase.READY, RouteState.ABSENT),
        (UnitStatus("digits-transformer", Phase.STARTING, restarts=1), Phase.READY, RouteState.UNAVAILABLE),
        (UnitStatus("digits-transformer", Phase.FAILED, was_ready=True), Phase.READY, RouteState.UNAVAILABLE),
    ],
)
def test_a_route_is_open_when_what_it_leads_to_is_ready(
    service: ServicePlan, front: UnitStatus, ingress: Phase, state: RouteState
) -> None:
    status = observe.service_status(service, 0.0, (front,), UnitStatus("ingress", ingress))
    assert status.route is state


def test_a_log_line_is_told_from_its_container_and_its_time() -> None:
    line = observe.log_line("\x1b[2Kdigits-predictor-1  | 2026-03-01T09:30:00.500000000Z INFO: up | running\n")
    assert line is not None
    assert (line.unit, line.text) == ("digits-predictor", "INFO: up | running")
    assert line.time == pytest.approx(1772357400.5)


def test_an_empty_line_and_one_of_compose_itself() -> None:
    empty = observe.log_line("digits-1 | 2026-03-01T09:30:00Z \n")
    assert empty is not None
    assert empty.text == ""
    assert observe.log_line("digits-1 exited with code 1\n") is None
