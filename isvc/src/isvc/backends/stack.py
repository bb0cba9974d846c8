"""The words between a backend and the `isvc` command: what a running stack is, and what a backend can be asked.

No PID handling, no Compose key and no file of a backend enters here.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from isvc.plan.units import Plan, ServicePlan


class Phase(enum.Enum):
    """Where one unit stands."""

    WAITING = "Waiting"
    """Not started: something it needs is not there yet."""
    STARTING = "Starting"
    READY = "Ready"
    COMPLETED = "Completed"
    """A program that ends has ended well."""
    STOPPING = "Stopping"
    FAILED = "Failed"
    """It ended and should not have; it is started again after a pause."""

    @property
    def settled(self) -> bool:
        """Whether it is as far as it should be."""
        return self in (Phase.READY, Phase.COMPLETED)


class RouteState(enum.Enum):
    ABSENT = "Absent"
    """The service has not been ready yet: its hosts answer 503, those of a stopped one 404 like any unknown host."""
    OPEN = "Open"
    UNAVAILABLE = "Unavailable"
    """Opened before, and what it leads to is not ready now: 503."""


class Change(enum.Enum):
    """What an `up` did to one service, in kubectl's words."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class UnitStatus:
    name: str
    phase: Phase
    pid: int | None = None
    addresses: tuple[tuple[str, str], ...] = ()
    """Name of the port and `host:port`."""
    restarts: int = 0
    exit_code: int | None = None
    """Of its last end, if it has ended."""
    was_ready: bool = False
    """Whether it has been ready since it was last changed."""
    last_lines: tuple[str, ...] = ()
    """Of a unit that failed: the end of its log."""
    revision: str = ""
    """`torch-transformer-predictor-5d41402a`: the unit's name, and a hash of what it is and what it rests on."""


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    plan: ServicePlan
    created: float
    """Seconds since the epoch."""
    route: RouteState
    units: tuple[UnitStatus, ...]
    """In the revision that is wanted."""
    previous: tuple[UnitStatus, ...] = ()
    """Units of revisions before that run still: they serve until `units` do, or are on their way out."""
    current: bool = True
    """Whether requests are known to reach `units`, and not the revision before."""
    folders: tuple[tuple[str, str], ...] = ()
    """Of each folder that the units share: its name, and where it is on this machine."""

    @property
    def key(self) -> str:
        return f"{self.plan.namespace}/{self.plan.name}"

    @property
    def units_ready(self) -> bool:
        return all(unit.phase.settled for unit in self.units)

    @property
    def ready(self) -> bool:
        return self.units_ready and self.current and self.route is RouteState.OPEN


@dataclass(frozen=True, slots=True)
class StackStatus:
    project: str
    backend: str
    running: bool
    """Whether anything watches over the units at all."""
    ingress_host: str = "127.0.0.1"
    ingress_port: int | None = None
    services: tuple[ServiceStatus, ...] = ()
    ingress: UnitStatus | None = None
    generation: int = 0
    """Of the last change that the backend has begun to act on."""

    def service(self, key: str) -> ServiceStatus | None:
        return next((service for service in self.services if service.key == key), None)


@dataclass(frozen=True, slots=True)
class Applied:
    """An `apply` that was accepted: what it changed, and how to name it when waiting for it or taking it back."""

    changes: tuple[tuple[str, Change], ...]
    """Key of the service, and what was done to it."""
    generation: int
    ingress_port: int


@dataclass(frozen=True, slots=True)
class LogLine:
    time: float
    unit: str
    """Label of the unit in the stack: `torch-transformer-predictor`."""
    text: str


Gone = Callable[[], bool]


def never() -> bool:
    return False


class Backend(Protocol):
    """One project's stack. Nothing here waits for readiness: the caller watches `status`."""

    name: str
    description: str

    def apply(self, plan: Plan, ingress_port: int | None) -> Applied:
        """Want these services too. None keeps the running ingress' port, else the default; 0 takes any free one.

        Raises PortTaken before anything is started.
        """
        ...

    def revert(self, applied: Applied) -> None:
        """Want again what was wanted before `applied`, as far as its services go, and wait until that is so."""
        ...

    def remove(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Stop these services, and wait until nothing of them runs. The keys that were there."""
        ...

    def down(self, *, volumes: bool) -> tuple[str, ...]:
        """Stop everything, what a crash left included, and wait until nothing of it runs. The keys that were there."""
        ...

    def status(self) -> StackStatus: ...

    def logs(
        self, units: Sequence[str] | None, tail: int | None, follow: bool, gone: Gone = never
    ) -> Iterator[LogLine]:
        """Log lines in order of time; `units` are names `namespace/service/unit`, None means all.

        `gone` is asked, a few times a second, whether the one who follows has left.
        """
        ...

    def scratch(self, service: ServicePlan) -> str:
        """A folder in which files about this service may be left for the user."""
        ...
