"""A plan with its ports becomes argument lists: the place where late binding ends, for processes. Pure.

A `Process` sees what a container would see, with these differences: addresses are on 127.0.0.1 with ports of their own,
a `Directory` is a folder under the project's state, `python` is the interpreter isvc runs on.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from isvc.backends.folder import service_folder
from isvc.backends.ports import HOST
from isvc.backends.process.revisions import folders, instances
from isvc.backends.records import WantedService
from isvc.plan.units import Condition, Directory, Endpoint, Folder, Need, Unit, resolve, resolve_all

Ports = Mapping[str, Mapping[str, int]]
"""Key of an instance -> name of a port -> number."""

_NOT_INHERITED = frozenset(
    {
        # They would make another interpreter, or other modules, of what the environment holds.
        *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONWARNINGS", "PYTHONOPTIMIZE"),
        *("VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "CONDA_PREFIX", "__PYVENV_LAUNCHER__"),
        # Of the make that called isvc.
        *("MAKEFLAGS", "MFLAGS", "MAKELEVEL"),
    }
)


@dataclass(frozen=True, slots=True)
class Check:
    """Ready when GET `path` at `address` answers 200; with `path` None, when `address` takes a connection."""

    address: str
    path: str | None


@dataclass(frozen=True, slots=True)
class Process:
    """One child process that should be, complete but for the operating system."""

    key: str
    """`namespace/service/unit@revision`, and `ingress`."""
    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    folder: str
    check: Check | None = None
    """None for a program that ends."""
    needs: tuple[Need, ...] = ()
    """With keys in place of names."""
    addresses: tuple[tuple[str, str], ...] = ()
    folders: tuple[str, ...] = ()
    """That have to be there before it starts: shared folders that nothing else fills."""
    fingerprint: str = ""
    """Two processes with the same one are interchangeable."""


@dataclass(frozen=True, slots=True)
class ProcessSite:
    """`Site` for the processes of one service, in one revision: the ports that were chosen, folders under `folder`."""

    instances: Mapping[str, str]
    """Name of a unit -> key of its instance."""
    ports: Ports
    folder: Path
    folders: Mapping[str, str] = field(default_factory=dict)
    """Name of a shared folder -> where it is below `folder`."""

    def address(self, endpoint: Endpoint) -> str:
        return f"{HOST}:{self.ports[self.instances[endpoint.unit]][endpoint.port]}"

    def path(self, place: Directory | Folder) -> str:
        return place.location if isinstance(place, Folder) else str(self.folder / self.folders[place.name])


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a process takes from the machine rather than from the plan."""

    root: Path
    """Folder of the project's state."""
    environment: Mapping[str, str]
    find_program: Callable[[str], str]
    find_in_role: Callable[[str, str], tuple[str, ...]] = lambda role, program: (f"{role}/{program}",)
    """A role and its program -> the beginning of the command line that runs it in the role's environment."""


def unit_key(service: str, unit: str) -> str:
    return f"{service}/{unit}"


def label(key: str) -> str:
    """How people call the unit `key`: by its name, which begins with the service's."""
    return key.rpartition("/")[2]


def wanted_ports(services: Iterable[WantedService]) -> dict[str, tuple[str, ...]]:
    """The names of the ports that each unit needs, by the key of its instance."""
    return {
        instance: tuple(name for name, _ in unit.ports)
        for service in services
        for unit, instance in zip(service.plan.units, instances(service).values(), strict=True)
    }


def bind(services: Iterable[WantedService], ports: Ports, surroundings: Surroundings) -> tuple[Process, ...]:
    """Every unit of `services` as a process, in the order in which they start; what two of them share, once."""
    found = (process for service in services for process in _bind_service(service, ports, surroundings))
    return tuple({process.key: process for process in found}.values())


def site(service: WantedService, ports: Ports, root: Path) -> ProcessSite:
    folder = service_folder(root, service.plan.namespace, service.plan.name)
    return ProcessSite(instances(service), ports, folder, folders(service))


def _bind_service(service: WantedService, ports: Ports, surroundings: Surroundings) -> list[Process]:
    place = site(service, ports, surroundings.root)
    sources = dict(service.sources)
    bound: dict[str, Process] = {}
    for unit in service.plan.units:
        process = _bind_unit(unit, place, surroundings)
        # A unit that reads what another produced is as old as what it read.
        read = [bound[need.unit].fingerprint for need in process.needs if need.condition is Condition.COMPLETED]
        bound[process.key] = with_fingerprint(process, sources.get(unit.name, ""), *read)
    return list(bound.values())


def _bind_unit(unit: Unit, place: ProcessSite, surroundings: Surroundings) -> Process:
    argv = resolve_all(unit.command, unit, place)
    given = {**{name: resolve(word, unit, place) for name, word in unit.environment}, **dict(unit.secrets)}
    addresses = {name: place.address(Endpoint(unit.name, name)) for name, _ in unit.ports}
    return Process(
        key=place.instances[unit.name],
        argv=(*_program(argv[0], unit, surroundings), *argv[1:]),
        environment=tuple(sorted(child_environment(surroundings.environment, given).items())),
        folder=unit.folder or str(place.folder),
        check=Check(addresses[unit.probe.port] if unit.probe.port else "", unit.probe.path) if unit.probe else None,
        needs=tuple(Need(place.instances[need.unit], need.condition) for need in unit.needs),
        addresses=tuple(addresses.items()),
        folders=tuple(
            place.path(mount.directory)
            for mount in unit.mounts
            if not mount.read_only and isinstance(mount.directory, Directory)
        ),
    )


def _program(name: str, unit: Unit, surroundings: Surroundings) -> tuple[str, ...]:
    return surroundings.find_in_role(unit.role, name) if unit.role else (surroundings.find_program(name),)


def with_fingerprint(process: Process, *more: str) -> Process:
    told = (process.argv, process.environment, process.folder, process.check, more)
    return dataclasses.replace(process, fingerprint=hashlib.sha256(repr(told).encode()).hexdigest()[:16])


def child_environment(inherited: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without what would change the interpreter, and with loopback never behind a proxy."""
    kept = {name: value for name, value in inherited.items() if name not in _NOT_INHERITED}
    for name in ("no_proxy", "NO_PROXY"):
        kept[name] = ",".join(filter(None, (kept.get(name), HOST, "localhost")))
    return {**kept, "PYTHONUNBUFFERED": "1", **given}
