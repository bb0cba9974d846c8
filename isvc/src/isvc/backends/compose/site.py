"""The two questions answered for containers: an address is a KServe service name, a path is where a folder is mounted.

All units of a project are on one network, on which each has the names that its Kubernetes service would have. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from isvc.plan.units import Directory, Endpoint, Folder, Mount, Piece, Plan, ServicePlan, Unit, resolve_all

SOURCES = "/mnt/source"
"""Below it an initializer sees the folders of this machine that it reads."""


_OWN_PROGRAMS = frozenset({"kserve-agent", "predictor-mock", "storage-init"})
"""Each has the folder of its name, with a Dockerfile, in the checkout."""


@dataclass(frozen=True, slots=True)
class ContainerSite:
    """`Site` for the container of `unit`."""

    service: ServicePlan
    unit: Unit

    def address(self, endpoint: Endpoint) -> str:
        return address(self.service, endpoint)

    def path(self, place: Directory | Folder) -> str:
        mounted = {mount.directory: mount.path for mount in mounts(self.service, self.unit)}
        if isinstance(place, Folder) and place not in mounted:
            return sources(self.unit)[place]
        return mounted[place]


def address(service: ServicePlan, endpoint: Endpoint) -> str:
    """`host:port`, the same from every container of the project."""
    target = next(unit for unit in service.units if unit.name == endpoint.unit)
    return f"{kserve_name(service, target)}:{dict(target.ports)[endpoint.port]}"


def role_of(unit: Unit) -> str:
    """The folder of the checkout that its image is built from; empty where that is elsewhere, or nothing is built."""
    program = "".join(piece for piece in unit.command[0] if isinstance(piece, str))
    return unit.role or (program if program in _OWN_PROGRAMS else "")


def words(service: ServicePlan, unit: Unit) -> list[str]:
    """The unit's command line. Servers of ours listen on loopback unless told otherwise, which reaches nobody here."""
    found = resolve_all(unit.command, unit, ContainerSite(service, unit))
    built = unit.folder or role_of(unit)
    return [*found, "--host", "0.0.0.0"] if built and unit.ports else found


def service_key(service: ServicePlan, unit: Unit) -> str:
    """What Compose calls the unit: its KServe name, with the namespace where that is not `default`."""
    name = _own_name(service, unit)
    return name if service.namespace == "default" else f"{name}.{service.namespace}"


def kserve_name(service: ServicePlan, unit: Unit) -> str:
    """What others call it: `torch-transformer-predictor.default`."""
    return f"{_own_name(service, unit)}.{service.namespace}"


def aliases(service: ServicePlan, unit: Unit) -> list[str]:
    """Every name that a Kubernetes service answers to; none for what serves nobody."""
    if not unit.ports:
        return []
    name = kserve_name(service, unit)
    return [name, f"{name}.svc", f"{name}.svc.cluster.local"]


def volume_key(service: ServicePlan, directory: Directory) -> str:
    name = f"{service.name}-{directory.name}"
    return name if service.namespace == "default" else f"{name}.{service.namespace}"


def pod_members(service: ServicePlan, unit: Unit) -> list[Unit]:
    """The servers that share a network with `unit`, itself among them."""
    if not unit.pod:
        return [unit]
    return [other for other in service.units if other.pod == unit.pod and other.probe is not None]


def pod_owner(service: ServicePlan, unit: Unit) -> Unit:
    """The one of them whose network it is: one that waits for none of the others, or each would wait for the other."""
    members = pod_members(service, unit)
    names = {member.name for member in members}
    free = [member for member in members if not names & {need.unit for need in member.needs}]
    return next((member for member in free if member.ports), free[0] if free else unit)


def mounts(service: ServicePlan, unit: Unit) -> list[Mount]:
    """What the unit mounts. A folder that it names and does not mount, it fills: that is where the others mount it."""
    filled = {piece for piece in _pieces(unit) if isinstance(piece, Directory)} - {m.directory for m in unit.mounts}
    readers = {mount.directory: mount for other in service.units for mount in other.mounts}
    return [*unit.mounts, *(replace(readers[place], read_only=False) for place in sorted(filled, key=lambda d: d.name))]


def sources(unit: Unit) -> dict[Folder, str]:
    """The folders of this machine that the unit's words name and it does not mount, and where its container sees them.

    The last part of the path stays: a single file lands under its own name.
    """
    mounted = {mount.directory for mount in unit.mounts}
    named = (piece for piece in _pieces(unit) if isinstance(piece, Folder))
    folders = dict.fromkeys(folder for folder in named if folder not in mounted)
    return {
        folder: f"{SOURCES}{f'-{number}' if number > 1 else ''}/{PurePosixPath(folder.location).name}"
        for number, folder in enumerate(folders, start=1)
    }


def _pieces(unit: Unit) -> list[Piece]:
    words = (*unit.command, *(word for _, word in unit.environment))
    return [piece for word in words for piece in word]


def units(plan: Plan) -> list[tuple[ServicePlan, Unit]]:
    return [(service, unit) for service in plan.services for unit in service.units]


def _own_name(service: ServicePlan, unit: Unit) -> str:
    return unit.name if unit.name.startswith(service.name) else f"{service.name}-{unit.name}"
