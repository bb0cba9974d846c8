"""The units that run here, in the form of KServe's containers, so that the two can be laid side by side. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from isvc.backends.compose import site as compose
from isvc.plan.units import Directory, Endpoint, Folder, ServicePlan, Site, Unit, resolve, resolve_all

HIDDEN = "***"
"""Shown in the place of a value that comes from a Secret."""


@dataclass(frozen=True, slots=True)
class Running:
    """One unit with its places filled in."""

    unit: Unit
    argv: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    folders: tuple[tuple[str, str], ...]
    """Path in the container -> path here, or the name of the volume."""
    addresses: tuple[tuple[str, str], ...]
    read_only: tuple[str, ...] = ()
    """Those of the paths below which a container may not write; a process is not kept from it."""
    contained: bool = False
    """Whether it runs in a container, where names, ports and paths are KServe's."""


@dataclass(frozen=True, slots=True)
class ShownSite:
    """`Site` for the reader: the address a process has, or how it is called where it does not run yet."""

    addresses: Mapping[tuple[str, str], str]
    """By unit and port."""
    folder: str
    """Of the service's state."""
    folders: Mapping[str, str] = field(default_factory=dict)
    """Those that its units share, by name, where it runs."""

    def address(self, endpoint: Endpoint) -> str:
        known = self.addresses.get((endpoint.unit, endpoint.port))
        return known or f"127.0.0.1:<{endpoint.unit}.{endpoint.port}>"

    def path(self, place: Directory | Folder) -> str:
        if isinstance(place, Folder):
            return place.location
        revision = "" if place.holds_files else "revisions/<revision>/"
        return self.folders.get(place.name) or f"{self.folder}/{revision}{place.name}"


def here(service: ServicePlan, site: ShownSite) -> tuple[Running, ...]:
    """Every unit of the service as a process, in the order in which they start."""
    return tuple(_process(unit, site) for unit in service.units)


def here_contained(service: ServicePlan) -> tuple[Running, ...]:
    """Every unit of the service as a container, in the order in which they start."""
    return tuple(_container(service, unit) for unit in service.units)


def _process(unit: Unit, site: ShownSite) -> Running:
    return Running(
        unit=unit,
        argv=tuple(resolve_all(unit.command, unit, site)),
        variables=_variables(unit, site),
        folders=tuple((mount.path, site.path(mount.directory)) for mount in unit.mounts),
        addresses=_addresses(unit, site),
    )


def _container(service: ServicePlan, unit: Unit) -> Running:
    site = compose.ContainerSite(service, unit)
    mounted = compose.mounts(service, unit)
    sources = compose.sources(unit)
    volumes = ((mount.path, _volume(service, mount.directory)) for mount in mounted)
    return Running(
        unit=unit,
        argv=tuple(compose.words(service, unit)),
        variables=_variables(unit, site),
        folders=(*volumes, *((target, folder.location) for folder, target in sources.items())),
        addresses=_addresses(unit, site),
        read_only=(*(mount.path for mount in mounted if mount.read_only), *sources.values()),
        contained=True,
    )


def _volume(service: ServicePlan, directory: Directory | Folder) -> str:
    if isinstance(directory, Folder):
        return directory.location
    return directory.name if directory.holds_files else compose.volume_key(service, directory)


def _variables(unit: Unit, site: Site) -> tuple[tuple[str, str], ...]:
    plain = ((name, resolve(word, unit, site)) for name, word in unit.environment)
    return (*plain, *((name, HIDDEN) for name, _ in unit.secrets))


def _addresses(unit: Unit, site: Site) -> tuple[tuple[str, str], ...]:
    return tuple((name, site.address(Endpoint(unit.name, name))) for name, _ in unit.ports)
