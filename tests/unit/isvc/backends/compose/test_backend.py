"""What the backend asks of Docker, in which order, and what it makes of the answers. Docker is a fake."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from isvc.backends.compose import has_file
from isvc.backends.compose.backend import ComposeBackend, project_name
from isvc.backends.folder import ProjectFolder
from isvc.backends.stack import Change, Gone, Phase, never
from isvc.errors import StackError, UnitFailed
from isvc.plan.units import Plan, ServicePlan

Make = Callable[..., ServicePlan]
PORT = 8123


class FakeStart:
    def __init__(self, code: int | None = 0) -> None:
        self.code = code
        self.terminated = False

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.terminated = True

    def wait(self, timeout: float | None = None) -> int:
        return self.code or 0


class FakeDocker:
    """Containers that become ready as soon as they are started, and a list of what was asked."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.calls: list[Any] = []
        self.images: set[str] = set()
        self.found: dict[str, dict[str, Any]] = {}
        self.start_code: int | None = 0
        self.build_error: StackError | None = None

    def require(self) -> None:
        self.calls.append("require")

    def has_image(self, name: str) -> bool:
        return name in self.images

    def build(self) -> None:
        self.calls.append("build")
        if self.build_error is not None:
            raise self.build_error

    def create(self, again: Sequence[str]) -> None:
        self.calls.append(("create", *again))
        services = yaml.safe_load(self.file.read_text())["services"]
        self.found = {name: self._container(name, "healthcheck" in service) for name, service in services.items()}

    def start(self, log: Path) -> FakeStart:
        self.calls.append("start")
        log.write_text("Container x  Starting\nsome reason\n")
        return FakeStart(self.start_code)

    def down(self, *, volumes: bool) -> None:
        self.calls.append(("down", volumes))
        self.found = {}

    def containers(self) -> Collection[dict[str, Any]]:
        return list(self.found.values())

    def last_lines(self, container: str, count: int) -> tuple[str, ...]:
        return (f"last line of {container}",)

    def logs(self, services: Sequence[str], tail: int | None, follow: bool, gone: Gone = never) -> Iterator[str]:
        self.calls.append(("logs", *services))
        yield "digits-predictor-1  | 2026-03-01T09:30:02Z later\n"
        yield "digits-transformer-1  | 2026-03-01T09:30:01Z sooner\n"

    def _container(self, name: str, server: bool) -> dict[str, Any]:
        state = {"Status": "running", "ExitCode": 0, "Pid": 1, "Health": {"Status": "healthy"}}
        return {
            "Id": f"id-of-{name}",
            "RestartCount": 0,
            "Config": {"Labels": {"com.docker.compose.service": name}},
            "State": state if server else {"Status": "exited", "ExitCode": 0, "Pid": 0},
        }

    def fail(self, name: str, code: int) -> None:
        self.found[name]["State"] = {"Status": "exited", "ExitCode": code, "Pid": 0}


@pytest.fixture
def source(tmp_path: Path) -> str:
    (tmp_path / "v1").mkdir()
    return str(tmp_path / "v1")


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "state" / "mine")


@pytest.fixture
def docker(folder: ProjectFolder) -> FakeDocker:
    return FakeDocker(folder.root / "compose.yaml")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def backend(
    folder: ProjectFolder, docker: FakeDocker, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> ComposeBackend:
    for variable in ("PYTHON_IMAGE", "TRAEFIK_IMAGE"):
        monkeypatch.delenv(variable, raising=False)
    # Whether a port is free is asked of the system; a unit test opens no socket.
    monkeypatch.setattr("isvc.backends.ports.is_free", lambda port: port == PORT)
    return ComposeBackend(folder, docker, said.append, look_every=0.0)


@pytest.fixture
def plan(make_service: Make, source: str) -> Plan:
    return Plan((make_service(source=source),))


def test_a_build_folder_without_a_dockerfile_fails_with_the_mend(
    backend: ComposeBackend, docker: FakeDocker, plan: Plan, tmp_path: Path
) -> None:
    [service] = plan.services
    *others, transformer = service.units
    bare = replace(service, units=(*others, replace(transformer, folder=str(tmp_path))))
    with pytest.raises(
        UnitFailed, match=rf"digits-transformer: there is no {tmp_path}/Dockerfile; .*--backend process"
    ):
        backend.apply(Plan((bare,)), PORT)
    assert "build" not in docker.calls


def test_apply_writes_builds_creates_and_starts(
    backend: ComposeBackend, docker: FakeDocker, folder: ProjectFolder, plan: Plan
) -> None:
    assert not has_file(folder.root)
    applied = backend.apply(plan, PORT)
    assert docker.calls == ["require", "build", ("create",), "start"]
    assert applied.changes == (("default/digits", Change.CREATED),)
    assert applied.ingress_port == PORT
    assert has_file(folder.root)
    assert yaml.safe_load((folder.routes / "routes.yaml").read_text())["http"]["routers"]


def test_the_same_again_is_unchanged_and_keeps_the_port(backend: ComposeBackend, plan: Plan) -> None:
    backend.apply(plan, PORT)
    again = backend.apply(plan, None)
    assert again.changes == (("default/digits", Change.UNCHANGED),)
    assert again.ingress_port == PORT


def test_services_of_one_project_are_added_up(
    backend: ComposeBackend, plan: Plan, make_service: Make, source: str
) -> None:
    backend.apply(plan, PORT)
    backend.apply(Plan((make_service("letters", source=source),)), None)
    assert [service.plan.name for service in backend.status().services] == ["digits", "letters"]


def test_another_model_makes_the_predictor_anew(
    backend: ComposeBackend, docker: FakeDocker, plan: Plan, make_service: Make, tmp_path: Path
) -> None:
    backend.apply(plan, PORT)
    (tmp_path / "v2").mkdir()
    backend.apply(Plan((make_service(source=str(tmp_path / "v2")),)), None)
    assert ("create", "digits-predictor", "digits-transformer") in docker.calls


def test_it_is_said_that_a_change_costs_requests_and_only_then(
    backend: ComposeBackend, said: list[str], plan: Plan, make_service: Make, tmp_path: Path
) -> None:
    backend.apply(plan, PORT)
    backend.apply(plan, None)
    assert not any("503" in line for line in said)
    (tmp_path / "v2").mkdir()
    backend.apply(Plan((make_service(source=str(tmp_path / "v2")),)), None)
    [told] = [line for line in said if "503" in line]
    assert told.strip().startswith("digits: ")


def test_a_folder_that_is_not_there_fails_before_anything_is_started(
    backend: ComposeBackend, docker: FakeDocker, make_service: Make
) -> None:
    with pytest.raises(UnitFailed, match=r"digits-storage-initializer: there is no /nowhere/v9.*isvc\.yaml"):
        backend.apply(Plan((make_service(source="/nowhere/v9"),)), PORT)
    assert docker.calls == ["require"]


def test_what_make_base_image_made_is_used_where_it_is_there_and_nothing_else_is_named(
    backend: ComposeBackend, docker: FakeDocker, said: list[str], plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker.images = {"kserve-local/python:bookworm", "kserve-local/traefik:latest"}
    monkeypatch.setenv("TRAEFIK_IMAGE", "registry.internal/traefik:v3")
    backend.apply(plan, PORT)
    services = yaml.safe_load(docker.file.read_text())["services"]
    assert services["digits-predictor"]["build"]["args"] == {"PYTHON_IMAGE": "kserve-local/python:bookworm"}
    assert services["ingress"]["image"] == "registry.internal/traefik:v3"
    assert [line.split(":")[0].strip() for line in said] == ["PYTHON_IMAGE"]


def test_everything_ready_is_a_ready_service(backend: ComposeBackend, plan: Plan) -> None:
    backend.apply(plan, PORT)
    status = backend.status()
    assert status.running
    assert status.ingress_port == PORT
    assert [service.ready for service in status.services] == [True]


def test_a_unit_that_ended_shows_its_last_lines(backend: ComposeBackend, docker: FakeDocker, plan: Plan) -> None:
    backend.apply(plan, PORT)
    docker.fail("digits-storage-initializer", 1)
    [service] = backend.status().services
    initializer = service.units[0]
    assert initializer.phase is Phase.FAILED
    assert (initializer.exit_code, initializer.was_ready) == (1, False)
    assert initializer.last_lines == ("last line of id-of-digits-storage-initializer",)


def test_an_initializer_that_was_seen_running_was_not_ready(
    backend: ComposeBackend, docker: FakeDocker, plan: Plan
) -> None:
    backend.apply(plan, PORT)
    docker.found["digits-storage-initializer"]["State"] = {"Status": "running", "ExitCode": 0, "Pid": 1}
    assert backend.status().services[0].units[0].phase is Phase.STARTING
    docker.fail("digits-storage-initializer", 1)
    assert not backend.status().services[0].units[0].was_ready


def test_a_start_that_failed_while_no_unit_did_is_an_error_with_its_reason(
    backend: ComposeBackend, docker: FakeDocker, plan: Plan
) -> None:
    docker.start_code = 1
    backend.apply(plan, PORT)
    with pytest.raises(StackError, match="docker compose up: some reason"):
        backend.status()


def test_a_build_that_fails_leaves_nothing_wanted_and_says_why(
    backend: ComposeBackend, docker: FakeDocker, folder: ProjectFolder, plan: Plan
) -> None:
    docker.build_error = StackError("the build of an image failed")
    with pytest.raises(StackError, match="the build of an image failed"):
        backend.apply(plan, PORT)
    assert folder.read_wanted().services == ()
    assert docker.calls[-1] == ("down", False)


def test_reverting_gives_back_what_was_there_without_building(
    backend: ComposeBackend, docker: FakeDocker, plan: Plan, make_service: Make, source: str
) -> None:
    backend.apply(plan, PORT)
    applied = backend.apply(Plan((make_service("letters", source=source),)), None)
    docker.calls.clear()
    backend.revert(applied)
    assert docker.calls == [("create",), "start"]
    assert [service.plan.name for service in backend.status().services] == ["digits"]


def test_removing_the_last_service_takes_everything_down(
    backend: ComposeBackend, docker: FakeDocker, plan: Plan
) -> None:
    backend.apply(plan, PORT)
    assert backend.remove(["default/digits", "default/unknown"]) == ("default/digits",)
    assert docker.calls[-1] == ("down", False)
    assert not backend.status().running


def test_down_is_done_twice_without_complaint_and_takes_volumes_when_asked(
    backend: ComposeBackend, docker: FakeDocker, folder: ProjectFolder, plan: Plan
) -> None:
    backend.apply(plan, PORT)
    assert backend.down(volumes=False) == ("default/digits",)
    assert has_file(folder.root), "the volumes are still there, and a later down --volumes must find them"
    assert backend.down(volumes=True) == ()
    assert docker.calls[-1] == ("down", True)
    assert not folder.root.exists()


def test_logs_are_in_order_of_time_and_of_the_units_asked_for(
    backend: ComposeBackend, docker: FakeDocker, plan: Plan
) -> None:
    backend.apply(plan, PORT)
    lines = list(backend.logs(["default/digits/digits-predictor"], None, follow=False))
    assert [line.text for line in lines] == ["sooner", "later"]
    assert docker.calls[-1] == ("logs", "digits-predictor")


def test_two_checkouts_with_a_project_of_one_name_do_not_meet_in_docker() -> None:
    assert project_name(Path("/a/.isvc/default")) != project_name(Path("/b/.isvc/default"))


def test_a_unit_that_was_ready_is_remembered_to_have_been(
    backend: ComposeBackend, docker: FakeDocker, plan: Plan
) -> None:
    backend.apply(plan, PORT)
    backend.status()
    docker.fail("digits-predictor", 137)
    predictor = backend.status().services[0].units[1]
    assert (predictor.phase, predictor.was_ready, predictor.exit_code) == (Phase.FAILED, True, 137)
