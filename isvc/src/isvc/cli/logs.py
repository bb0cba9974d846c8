"""`isvc logs`: one stream of what the units wrote, in order of time, each line headed by its unit."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence

from isvc.backends.stack import LogLine, StackStatus
from isvc.cli import stacks
from isvc.cli.console import Console
from isvc.errors import InputError

_COLOURS = ("\x1b[36m", "\x1b[33m", "\x1b[32m", "\x1b[35m", "\x1b[34m", "\x1b[31m")
_PLAIN = "\x1b[0m"


def run(options: Namespace, console: Console) -> int:
    backend = stacks.backend(options, console)
    units = selected(backend.status(), options.name, options.component)
    try:
        _write(backend.logs(units, options.tail, options.follow), console)
    except KeyboardInterrupt:
        if not options.follow:
            raise
    return 0


def selected(status: StackStatus, name: str | None, component: str | None) -> Sequence[str] | None:
    """Keys of the units that `name` (a service or a unit) and `component` mean; None is all."""
    if name is None and component is None:
        return None
    if name == "ingress":
        return [name]
    units = [(service, unit) for service in status.services for unit in service.plan.units]
    found = [
        f"{service.key}/{unit.name}"
        for service, unit in units
        if name in (None, service.plan.name, service.key, unit.name)
        and component in (None, unit.component.value, unit.name)
    ]
    if not found:
        known = ", ".join(unit.name for _, unit in units) or "none"
        raise InputError(f"no unit is called {' '.join(filter(None, (name, component)))}; there are: {known}")
    return found


def _write(lines: Iterator[LogLine], console: Console) -> None:
    colours: dict[str, str] = {}
    for line in lines:
        if line.unit not in colours:
            colours[line.unit] = _COLOURS[len(colours) % len(_COLOURS)]
        head = f"{line.unit} | "
        console.say((f"{colours[line.unit]}{head}{_PLAIN}" if console.out.isatty() else head) + line.text)
