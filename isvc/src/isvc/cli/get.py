"""`isvc get`: what runs, for people in KServe's columns, for programs as JSON, YAML, names or shell variables."""

from __future__ import annotations

import json
import shlex
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any

from isvc.backends.stack import Phase, ServiceStatus, StackStatus, UnitStatus
from isvc.cli import stacks
from isvc.cli.conditions import document, ready_word, url
from isvc.cli.console import Console
from isvc.server.exchange import Ingress

COLUMNS = ("NAME", "URL", "READY", "PREV", "LATEST", "PREVROLLEDOUTREVISION", "LATESTREADYREVISION", "AGE")
"""Of `kubectl get inferenceservices`. The four in the middle speak of revisions; here there are none, as in KServe's
Standard mode, which leaves them blank too."""
_UNIT_COLUMNS = ("UNIT", "STATE", "PID", "RESTARTS", "ADDRESS", "LAST LOG LINE")


def run(options: Namespace, console: Console) -> int:
    status = stacks.backend(options, console).status()
    services = [stacks.find(status, options.name)] if options.name else list(status.services)
    if options.output == "env":
        console.say(shell_variables(Ingress.of(status), stacks.only(status, options.name)))
    elif options.output in ("json", "yaml"):
        documents = [document(service) for service in services]
        console.say(_DUMPS[options.output](documents[0] if options.name else _list(documents)))
    elif not services:
        console.complain(f"no InferenceService in project {status.project}")
    elif options.output == "name":
        console.say("\n".join(f"inferenceservice.serving.kserve.io/{service.plan.name}" for service in services))
    else:
        console.say(services_table(services, time.time()))
        if options.output == "wide":
            console.say(f"\n{units_table(status, services)}")
    return 0


def services_table(services: Sequence[ServiceStatus], now: float) -> str:
    blank = ("", "", "", "")
    return table(
        COLUMNS,
        [(s.plan.name, url(s), ready_word(s), *blank, age(now - s.created)) for s in services],
    )


def units_table(status: StackStatus, services: Sequence[ServiceStatus]) -> str:
    units = [(unit.name, unit) for service in services for unit in service.units]
    units += [(unit.revision, unit) for service in services for unit in service.previous]
    if status.ingress is not None:
        units.append(("ingress", status.ingress))
    return table(_UNIT_COLUMNS, [_unit_row(name, unit) for name, unit in units])


def _unit_row(name: str, unit: UnitStatus) -> tuple[str, ...]:
    addresses = ",".join(f"{port}={address}" for port, address in unit.addresses)
    last = unit.last_lines[-1] if unit.phase is Phase.FAILED and unit.last_lines else ""
    return (name, unit.phase.value, str(unit.pid or ""), str(unit.restarts), addresses, last)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[index]) for row in (columns, *rows)) for index in range(len(columns))]
    lines = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (columns, *rows))
    return "\n".join(line.rstrip() for line in lines)


def age(seconds: float) -> str:
    """As kubectl writes it: two units while the bigger one is small."""
    whole = max(0, int(seconds))
    for size, unit, smaller_size, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= 2 * size:
            rest = whole % size // smaller_size
            return f"{whole // size}{unit}" + (f"{rest}{smaller}" if rest and whole < 10 * size else "")
    return f"{whole}s"


def shell_variables(ingress: Ingress, service: ServiceStatus) -> str:
    """The variables that KServe's documentation uses, to be evaluated by a shell."""
    values = {
        "INGRESS_HOST": ingress.host,
        "INGRESS_PORT": str(ingress.port),
        "KSERVE_INGRESS_HOST_PORT": str(ingress),  # as the tests of KServe's Python client call it
        "SERVICE_HOSTNAME": service.plan.host,
        "MODEL_NAME": service.plan.model_name,
    }
    return "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())


def _list(documents: list[dict[str, Any]]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": documents}


def _json(value: Any) -> str:
    return json.dumps(value, indent=4)


def _yaml(value: Any) -> str:
    import yaml  # the only command that writes YAML, and slow to import

    return str(yaml.safe_dump(value, sort_keys=False)).rstrip()


_DUMPS: dict[str, Callable[[Any], str]] = {"json": _json, "yaml": _yaml}
