"""How far a stack is on its way up: what to tell, and whether it can still arrive. Pure."""

from __future__ import annotations

import signal
from collections.abc import Collection, Iterator, Sequence

from isvc.backends.stack import Phase, ServiceStatus, StackStatus, UnitStatus
from isvc.errors import UnitFailed

_MEANINGS = (
    ("No module named", "a Python module is missing: from the build folder, or from the environment that isvc runs in"),
    ("cannot be started", "the program or its folder is not there; `make install` puts the project's own in place"),
    ("unrecognized arguments", "the program does not know an argument; see `args` in the YAML"),
    ("address already in use", "it listens on a port of its own choice that is taken; let it take --http_port"),
    ("MemoryError", "it ran out of memory"),
    ("Permission denied", "a file or folder is not readable for this user"),
)
_KILLED = -signal.SIGKILL


def milestones(service: ServiceStatus) -> Iterator[str]:
    """What has been reached, in the words of one line each."""
    for unit in service.units:
        if unit.phase is Phase.COMPLETED:
            yield f"{unit.name} completed"
        elif unit.phase is Phase.READY:
            yield f"{unit.name} ready"


def pending(services: Sequence[ServiceStatus]) -> str:
    """What is still waited for."""
    waiting = (
        f"{unit.name} ({unit.phase.value.lower()})"
        for service in services
        for unit in service.units
        if unit.phase not in (Phase.READY, Phase.COMPLETED, Phase.WAITING)
    )
    return ", ".join(waiting) or "the route"


def failure(status: StackStatus, keys: Collection[str]) -> UnitFailed | None:
    """Why the services `keys` will not be ready: a unit that ended before it was ready once."""
    if status.ingress is not None and _has_failed(status.ingress):
        return failed("ingress", status.ingress)
    for service in status.services:
        for unit in service.units if service.key in keys else ():
            if _has_failed(unit):
                return failed(unit.name, unit)
    return None


def failed(name: str, unit: UnitStatus) -> UnitFailed:
    meaning = likely_cause(unit)
    return UnitFailed(
        name, f"{_end(unit.exit_code)} before it was ready{f': {meaning}' if meaning else ''}", unit.last_lines
    )


def likely_cause(unit: UnitStatus) -> str | None:
    text = "\n".join(unit.last_lines).lower()
    for words, meaning in _MEANINGS:
        if words.lower() in text:
            return meaning
    if unit.exit_code == _KILLED:
        return "most often the system is out of memory"
    if unit.name.endswith("storage-initializer"):
        return "check storageUri in the YAML, and `storage` in isvc.yaml, which maps it"
    return None


def _end(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def _has_failed(unit: UnitStatus) -> bool:
    return unit.phase is Phase.FAILED and not unit.was_ready
