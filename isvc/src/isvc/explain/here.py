"""The units that run here, in the form of KServe's containers, so that the two can be laid side by side. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from isvc.plan.units import Directory, Endpoint, Folder, ServicePlan, Unit, resolve, resolve_all

HIDDEN = "***"
"""Shown in the place of a value that comes from a Secret."""


@dataclass(frozen=True, slots=True)
class Running:
    """One unit with its places filled in."""

    unit: Unit
    argv: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    folders: tuple[tuple[str, str], ...]
    """Path in the container -> path here."""
    addresses: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ShownSite:
    """`Site` for the reader: the address a unit has, or how it is called where it does not run yet."""

    addresses: Mapping[tuple[str, str], str]
    """By unit and port."""
    folder: str

    def address(self, endpoint: Endpoint) -> str:
        known = self.addresses.get((endpoint.unit, endpoint.port))
        return known or f"127.0.0.1:<{endpoint.unit}.{endpoint.port}>"

    def path(self, place: Directory | Folder) -> str:
        return place.location if isinstance(place, Folder) else f"{self.folder}/{place.name}"


def here(service: ServicePlan, site: ShownSite) -> tuple[Running, ...]:
    """Every unit of the service, in the order in which they start."""
    return tuple(_running(unit, site) for unit in service.units)


def _running(unit: Unit, site: ShownSite) -> Running:
    return Running(
        unit=unit,
        argv=tuple(resolve_all(unit.command, unit, site)),
        variables=(
            *((name, resolve(word, unit, site)) for name, word in unit.environment),
            *((name, HIDDEN) for name, _ in unit.secrets),
        ),
        folders=tuple((mount.path, site.path(mount.directory)) for mount in unit.mounts),
        addresses=tuple((name, site.address(Endpoint(unit.name, name))) for name, _ in unit.ports),
    )
