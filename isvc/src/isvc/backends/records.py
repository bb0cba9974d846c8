"""What the supervisor is told and what it tells, and both as JSON.

The JSON is between two programs of the same version, so it follows the dataclasses field by field: an object names its
class under "is", an enum is {"is": class, "name": member}, a list becomes a tuple.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from isvc.backends import stack
from isvc.plan import units


@dataclass(frozen=True, slots=True)
class WantedService:
    plan: units.ServicePlan
    created: float
    """Seconds since the epoch at which the service was first wanted."""
    sources: tuple[tuple[str, str], ...] = ()
    """Per unit with a build folder, what stood in the folder: edited code is a change like an edited YAML."""

    @property
    def key(self) -> str:
        return f"{self.plan.namespace}/{self.plan.name}"


@dataclass(frozen=True, slots=True)
class Wanted:
    generation: int = 0
    """One more with each change, so that a reader of the report knows which change it speaks of."""
    ingress_port: int = 0
    services: tuple[WantedService, ...] = ()
    backend: str = "process"
    """Name of the backend that is to run them."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process, told apart from a later one that was given the same number."""

    pid: int
    created: float
    """Seconds since the epoch, as psutil gives it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the supervisor says of itself and of its units. Each child is the leader of its own process group."""

    supervisor: ProcessId
    status: stack.StackStatus
    children: tuple[tuple[str, ProcessId], ...] = ()
    """By the key of the unit."""


def _classes() -> Mapping[str, type]:
    listed = (
        *(units.Endpoint, units.Port, units.Directory, units.Folder, units.Need, units.Mount, units.Probe, units.Unit),
        *(units.File, units.Files),
        *(units.Route, units.Share, units.ServicePlan, units.Component, units.Condition),
        *(stack.Phase, stack.RouteState, stack.UnitStatus, stack.ServiceStatus, stack.StackStatus),
        *(WantedService, Wanted, ProcessId, Report),
    )
    return {cls.__name__: cls for cls in listed}


_CLASSES = _classes()
_Record = TypeVar("_Record", Wanted, Report)


def dump(record: Wanted | Report) -> str:
    return json.dumps(_encode(record))


def load(text: str, expected: type[_Record]) -> _Record:
    """Raises ValueError where `text` is not what `dump` makes of an `expected`."""
    try:
        record = _decode(json.loads(text))
    except (KeyError, TypeError) as exc:
        raise ValueError(f"not a record of this version of isvc: {exc}") from exc
    if not isinstance(record, expected):
        raise ValueError(f"a {type(record).__name__} where a {expected.__name__} should be")  # noqa: TRY004
    return record


def process_ids(text: str) -> tuple[ProcessId, ...]:
    """Every process that a report names, the supervisor first; of a report of any version, so that its stack can be
    stopped. Empty where `text` is no report."""
    try:
        report = json.loads(text)
        found = [report["supervisor"], *(process_id for _, process_id in report["children"])]
        return tuple(ProcessId(int(each["pid"]), float(each["created"])) for each in found)
    except (ValueError, KeyError, TypeError):
        return ()


def _encode(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return {"is": type(value).__name__, "name": value.name}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"is": type(value).__name__, **fields}
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item) for item in value)
    if not isinstance(value, dict):
        return value
    cls = _CLASSES[value["is"]]
    if issubclass(cls, enum.Enum):
        return cls[value["name"]]
    return cls(**{name: _decode(item) for name, item in value.items() if name != "is"})
