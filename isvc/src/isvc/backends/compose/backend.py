"""The Compose backend as `isvc` sees it: writes what is wanted as a Compose file, has Docker run it, reads containers.

Docker is the supervisor: it starts units in order, restarts those that end, and goes on when `isvc` has returned.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import heapq
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import yaml

from isvc.backends import ports
from isvc.backends.compose import FILE, IMAGES_FILE, TRITON_IMAGE, observe, progress, render, secrets, text
from isvc.backends.compose.site import service_key, sources, units
from isvc.backends.folder import ProjectFolder, service_folder, write_atomically
from isvc.backends.records import Wanted
from isvc.backends.stack import Applied, Change, Gone, LogLine, Phase, ServiceStatus, StackStatus, UnitStatus, never
from isvc.backends.wanted import changes, gone, merge, put_back, wanted_service, without
from isvc.errors import StackError, UnitFailed, WaitTimeout
from isvc.plan.units import Folder, Plan, ServicePlan, Unit

_LOG = "compose.log"
_SECRETS = "secrets"
_HEADING = "Written by isvc; `isvc up` writes it again.  docker compose --project-name {} --file {} ps"
_LOOK = 0.2
"""Seconds between two looks at the containers; a caller that asks more often gets the same answer again."""
_TRIES = 3
_TAIL = 20
_NOT_ROLLED = (
    "what changed is stopped, then started anew: 503 until it is ready; "
    "--backend process replaces a service without a failed request"
)
_END = 10.0
_LOCAL_IMAGES = {
    "PYTHON_IMAGE": (render.PYTHON_IMAGE, "kserve-local/python:bookworm"),
    "TRAEFIK_IMAGE": (render.TRAEFIK_IMAGE, "kserve-local/traefik:latest"),
}
"""Variable -> the image that is pulled, and the one that `make base-image` builds; that goes first."""


class Starting(Protocol):
    """A `docker compose up` that is on its way."""

    def poll(self) -> int | None: ...

    def terminate(self) -> None: ...

    def wait(self, timeout: float | None = None) -> int: ...


class Docker(Protocol):
    """What is asked of Docker for one project; `engine.Project` is the one that asks it."""

    def require(self) -> None: ...

    def has_image(self, name: str) -> bool: ...

    def build(self) -> None: ...

    def create(self, again: Sequence[str]) -> None: ...

    def start(self, log: Path) -> Starting: ...

    def down(self, *, volumes: bool) -> None: ...

    def containers(self) -> Collection[observe.Container]: ...

    def last_lines(self, container: str, count: int) -> tuple[str, ...]: ...

    def logs(self, services: Sequence[str], tail: int | None, follow: bool, gone: Gone = ...) -> Iterator[str]: ...


class ComposeBackend:
    name = "compose"
    description = "containers, by Docker Compose"

    def __init__(
        self, folder: ProjectFolder, docker: Docker, say: Callable[[str], None], *, look_every: float = _LOOK
    ) -> None:
        self._folder = folder
        self._say = say
        self._docker = docker
        self._look_every = look_every
        self._before: dict[int, Wanted] = {}
        self._starting: Starting | None = None
        self._were_ready: set[str] = set()
        self._seen: tuple[float, StackStatus] | None = None

    # Changing what is wanted

    def apply(self, plan: Plan, ingress_port: int | None) -> Applied:
        self._docker.require()
        _check_sources(plan)
        with self._folder.changing():
            before = self._folder.read_wanted()
            running = bool(before.services and self._docker.containers())
            port = ports.of_ingress(ingress_port, before, running=running)
            services = [wanted_service(service, before) for service in plan.services]
            wanted = dataclasses.replace(merge(before, services, port), backend=self.name)
            self._folder.write_wanted(wanted)
        self._before[wanted.generation] = before
        applied = Applied(changes(before, services), wanted.generation, port)
        self._announce(applied, running=running)
        try:
            self._run(wanted, build=True)
        except BaseException:  # an interrupt too: the caller has nothing in hand yet to take it back with
            self.revert(applied)
            raise
        return applied

    def _announce(self, applied: Applied, *, running: bool) -> None:
        for key, change in applied.changes:
            if running and change is Change.CONFIGURED:
                self._say(f"  {key.rpartition('/')[2]}: {_NOT_ROLLED}")

    def revert(self, applied: Applied) -> None:
        self._stop_starting()
        before, keys = self._before[applied.generation], {key for key, _ in applied.changes}
        _, wanted = self._folder.change(lambda now: put_back(now, before, keys))
        self._settle(wanted)

    def remove(self, keys: Iterable[str]) -> tuple[str, ...]:
        unwanted = set(keys)
        before, wanted = self._folder.change(lambda now: without(now, unwanted))
        self._settle(wanted)
        return gone(before, wanted)

    def down(self, *, volumes: bool) -> tuple[str, ...]:
        """With `volumes`, the models go too."""
        self._docker.require()
        with self._folder.changing():
            now = self._folder.read_wanted()
            self._folder.write_wanted(Wanted(now.generation + 1))
        self._end(volumes=volumes)
        if volumes:
            shutil.rmtree(self._folder.root)
        return tuple(service.key for service in now.services)

    def _run(self, wanted: Wanted, *, build: bool) -> None:
        """Make the containers, and begin to start them."""
        again = self._write(wanted)
        if build:
            self._docker.build()
        self._docker.create(again)
        self._seen = None
        self._starting = self._docker.start(self._folder.root / _LOG)

    def _settle(self, wanted: Wanted) -> None:
        if wanted.services:
            self._run(wanted, build=False)
        else:
            self._end(volumes=False)

    def _end(self, *, volumes: bool) -> None:
        self._stop_starting()
        self._docker.down(volumes=volumes)
        self._seen = None

    def _stop_starting(self) -> None:
        if self._starting is not None and self._starting.poll() is None:
            self._starting.terminate()
            self._starting.wait(_END)

    def _write(self, wanted: Wanted) -> list[str]:
        """The project's Compose file and routes. Returns the services whose containers have to be made anew."""
        plan = Plan(tuple(service.plan for service in wanted.services))
        layout = render.Layout(
            root=str(checkout()),
            routes=str(self._folder.routes),
            state=str(self._folder.root),
            secrets=str(self._folder.root / _SECRETS),
            project=project_name(self._folder.root),
            ingress_port=str(wanted.ingress_port),
            python_image=self._image("PYTHON_IMAGE"),
            traefik_image=self._image("TRAEFIK_IMAGE"),
            triton_image=os.environ.get(TRITON_IMAGE, ""),
        )
        model = render.render(plan, layout)
        _check_dockerfiles(model)
        before = self._rendered()
        heading = _HEADING.format(layout.project, self._file)
        routes = self._folder.routes / render.ROUTES_FILE
        write_atomically(routes, text.write(render.routes(plan), heading))
        # Traefik reads them as another user, whatever the umask here is.
        routes.parent.chmod(0o755)
        routes.chmod(0o644)
        secrets.write(plan, self._folder.root / _SECRETS)
        write_atomically(self._file, text.write(model, heading))
        write_atomically(self._file.with_name(IMAGES_FILE), text.write(render.images(model), heading))
        return render.stale(before, model)

    def _rendered(self) -> dict[str, object]:
        if not self._file.exists():
            return {}
        read = yaml.safe_load(self._file.read_text())
        return read if isinstance(read, dict) else {}

    def _image(self, variable: str) -> str:
        pulled, local = _LOCAL_IMAGES[variable]
        if given := os.environ.get(variable):
            return given
        if not self._docker.has_image(local):
            return pulled
        self._say(f"  {variable}: {local} (made by `make base-image`; stands in for {pulled})")
        return local

    @property
    def _file(self) -> Path:
        return self._folder.root / FILE

    # Looking

    def status(self) -> StackStatus:
        if self._seen is None or time.monotonic() - self._seen[0] >= self._look_every:
            self._seen = (time.monotonic(), self._look())
        return self._seen[1]

    def _look(self) -> StackStatus:
        wanted = self._folder.read_wanted()
        containers = observe.by_service(self._containers())
        ingress = self._ingress(containers.get(render.INGRESS), wanted)
        services = tuple(
            self._service(service.plan, service.created, containers, ingress) for service in wanted.services
        )
        found = StackStatus(
            self._folder.project,
            self.name,
            running=bool(containers),
            ingress_port=wanted.ingress_port if containers else None,
            services=services,
            ingress=ingress if containers else None,
            generation=wanted.generation,
        )
        self._check_starting(found)
        return found

    def _containers(self) -> Collection[observe.Container]:
        """An engine that starts and restarts many containers at once can be slow to tell of them."""
        for _ in range(_TRIES - 1):
            with contextlib.suppress(WaitTimeout):
                return self._docker.containers()
        return self._docker.containers()

    def _service(
        self, plan: ServicePlan, created: float, containers: dict[str, observe.Container], ingress: UnitStatus
    ) -> ServiceStatus:
        units = tuple(self._unit(plan, unit, observe.container_of(plan, unit, containers)) for unit in plan.units)
        return observe.service_status(plan, created, units, ingress)

    def _unit(self, plan: ServicePlan, unit: Unit, container: observe.Container | None) -> UnitStatus:
        return self._remembered(observe.unit_status(plan, unit, container), container)

    def _ingress(self, container: observe.Container | None, wanted: Wanted) -> UnitStatus:
        return self._remembered(observe.ingress_status(container, wanted.ingress_port), container)

    def _remembered(self, unit: UnitStatus, container: observe.Container | None) -> UnitStatus:
        """With what one look does not tell: whether it was ready before, and its last lines if it ended."""
        if container is None:
            return unit
        key = str(container["Id"])
        if unit.phase is Phase.READY:
            self._were_ready.add(key)
        lines = self._docker.last_lines(key, _TAIL) if unit.phase is Phase.FAILED else ()
        return dataclasses.replace(unit, was_ready=key in self._were_ready, last_lines=lines)

    def _check_starting(self, found: StackStatus) -> None:
        """A start that failed, where no unit is to blame: the port was taken meanwhile, a folder is not there."""
        if self._starting is None or self._starting.poll() in (None, 0):
            return
        units = [unit for service in found.services for unit in service.units]
        if not any(unit.phase is Phase.FAILED for unit in units):
            told = (self._folder.root / _LOG).read_text(errors="replace")
            raise StackError(f"docker compose up: {progress.reason(told)}")

    def logs(
        self, units: Sequence[str] | None, tail: int | None, follow: bool, gone: Gone = never
    ) -> Iterator[LogLine]:
        services = self._log_services(units)
        if not self._docker.containers() or services == []:
            return iter(())
        lines = (observe.log_line(line) for line in self._docker.logs(services or [], tail, follow, gone))
        told = (line for line in lines if line is not None)
        return told if follow else iter(_in_order(told))

    def _log_services(self, units: Sequence[str] | None) -> list[str] | None:
        if units is None:
            return None
        wanted = self._folder.read_wanted().services
        keys = {
            f"{service.key}/{unit.name}": service_key(service.plan, unit)
            for service in wanted
            for unit in service.plan.units
        }
        keys[render.INGRESS] = render.INGRESS
        return [keys[unit] for unit in units if unit in keys]

    def scratch(self, service: ServicePlan) -> str:
        folder = service_folder(self._folder.root, service.namespace, service.name)
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)


def project_name(root: Path) -> str:
    """Docker is shared by all checkouts of this machine: two projects of one name must not meet in it."""
    return f"isvc-{root.name}-{hashlib.sha256(str(root).encode()).hexdigest()[:6]}"


def checkout() -> Path:
    """The folder that the images of ours are built from. Raises StackError where isvc was installed without it."""
    for folder in Path(__file__).resolve().parents:
        if (folder / "storage-init" / "Dockerfile").is_file():
            return folder
    raise StackError(
        "the images are built from the project's checkout, and isvc does not run from one; `make install` there"
    )


def _check_sources(plan: Plan) -> None:
    """A folder that is not there cannot be mounted; Docker would not say whose it is."""
    for _, unit in units(plan):
        mounted = [mount.directory for mount in unit.mounts if isinstance(mount.directory, Folder)]
        for folder in (*sources(unit), *mounted):
            if not Path(folder.location).exists():
                mend = "check storageUri and hostPath in the YAML, and `storage` in isvc.yaml, which maps addresses"
                raise UnitFailed(unit.name, f"there is no {folder.location}: {mend}")


def _check_dockerfiles(model: Mapping[str, Any]) -> None:
    """A build folder without a Dockerfile runs as processes only; Docker would not say which one it misses."""
    for service, container in model["services"].items():
        build = container.get("build")
        file = Path(build["context"], build["dockerfile"]) if build else None
        if file is not None and not file.is_file():
            mend = "transformer/Dockerfile is one to start from, and --backend process needs none"
            raise UnitFailed(service, f"there is no {file}; {mend}")


def _in_order(lines: Iterable[LogLine]) -> list[LogLine]:
    by_unit: dict[str, list[LogLine]] = {}
    for line in lines:
        by_unit.setdefault(line.unit, []).append(line)
    return list(heapq.merge(*by_unit.values(), key=lambda line: line.time))
