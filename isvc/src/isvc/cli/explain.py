"""`isvc explain`: what a YAML says, what KServe would run, what runs here, side by side and with the rule of each item.

Of a service that runs in the project, the addresses are those it has; of another, they are named.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from isvc import explain, manifest, plan, runtimes, settings
from isvc.backends.folder import service_folder
from isvc.backends.stack import ServiceStatus
from isvc.cli import stacks
from isvc.cli.console import Console
from isvc.explain.compare import Row, unit_of
from isvc.explain.here import Running, ShownSite
from isvc.explain.kserve import Container
from isvc.explain.secrets import hide_in_row, hide_in_unit, values
from isvc.manifest import Document, InferenceService
from isvc.plan.environment import Scope
from isvc.plan.units import ServicePlan

_WIDTH = 44


def run(options: Namespace, console: Console) -> int:
    documents = manifest.read(options.files)
    wanted = plan.build(documents, settings.load(Path.cwd(), options.settings))
    backend = stacks.backend(options, console)
    running = {service.key: service for service in backend.status().services}
    root = stacks.state_folder(options) / options.project
    catalogue = runtimes.load()
    secrets = values(documents)
    told = []
    for service, (document, resource) in zip(wanted.services, _services(documents), strict=True):
        status = running.get(f"{service.namespace}/{service.name}")
        # Of a service that runs, as it runs: its plan may be of another day than the file.
        shown = status.plan if status else service
        found = explain.here_contained(shown) if backend.name == "compose" else _processes(shown, status, root)
        units = tuple(hide_in_unit(one, secrets) for one in found)
        scope = Scope(document, documents)
        rows = []
        for container in explain.containers(scope, resource, catalogue):
            unit = unit_of(container, {one.unit.name: one for one in units})
            compared = explain.compare(container, unit)
            rows.append((container, unit, tuple(hide_in_row(row, secrets) for row in compared)))
        told.append((shown, units, rows))
    if options.output == "json":
        console.say(json.dumps([_plain(*one) for one in told], indent=2))
    else:
        for service, units, rows in told:
            console.say("\n".join(_shown(service, units, rows)))
    return 0


def _services(documents: Sequence[Document]) -> Iterator[tuple[Document, InferenceService]]:
    for document in documents:
        if isinstance(document.resource, InferenceService):
            yield document, document.resource


def _processes(service: ServicePlan, status: ServiceStatus | None, root: Path) -> tuple[Running, ...]:
    folder = str(service_folder(root, service.namespace, service.name))
    units = status.units if status else ()
    addresses = {(unit.name, port): address for unit in units for port, address in unit.addresses}
    return explain.here(service, ShownSite(addresses, folder, dict(status.folders) if status else {}))


Rows = list[tuple[Container, Running | None, tuple[Row, ...]]]


def _shown(service: ServicePlan, units: Sequence[Running], rows: Rows) -> Iterator[str]:
    yield f"{service.namespace}/{service.name}  http://{service.host}"
    for container, unit, items in rows:
        runtime = f", runtime {container.runtime}" if container.runtime else ""
        shown = unit.unit.name if unit else "nothing of it"
        yield f"\n{container.component}, container {container.name}{runtime}; here: {shown}"
        yield _line("", "YAML", "KServe", "here")
        for row in items:
            head = f"{row.name}=" if row.kind == "variable" else ""
            yield _line(row.kind, *(f"{head}{cell}" if cell else "" for cell in (row.yaml, row.kserve, row.here)))
            if row.rule.source and row.kserve:
                yield f"             by {row.rule.key}: {row.rule.says} ({row.rule.source})"
            if row.deviation:
                yield f"             differs: {row.deviation}"
    taken = {unit.unit.name for _, unit, _ in rows if unit is not None}
    for running in units:
        if running.unit.name not in taken:
            yield f"\n{running.unit.component.value} {running.unit.name} (KServe: {running.unit.image or 'none'})"
            rule = explain.rules.of_unit(running.unit.component)
            yield f"  {' '.join(running.argv)}"
            yield f"             by {rule.key}: {rule.says} ({rule.source})"
    for notice in service.notices:
        yield f"\nnote: {notice}"


def _line(*cells: str) -> str:
    kind, *others = cells
    return "  ".join([f"  {kind:<9}", *(cell.ljust(_WIDTH) for cell in others)]).rstrip()


def _plain(service: ServicePlan, units: Sequence[Running], rows: Rows) -> dict[str, object]:
    return {
        "name": service.name,
        "namespace": service.namespace,
        "kserveVersion": explain.rules.KSERVE_VERSION,
        "hosts": list(service.route.hosts),
        "containers": [
            {
                "component": container.component,
                "name": container.name,
                "runtime": container.runtime,
                "unit": unit.unit.name if unit else None,
                "rows": [_plain_row(row) for row in items],
            }
            for container, unit, items in rows
        ],
        "units": [_plain_unit(unit) for unit in units],
        "notices": list(service.notices),
    }


def _plain_row(row: Row) -> dict[str, str]:
    return {
        "kind": row.kind,
        "name": row.name,
        "yaml": row.yaml,
        "kserve": row.kserve,
        "here": row.here,
        "rule": row.rule.key,
        "says": row.rule.says,
        "source": row.rule.source,
        "deviation": row.deviation,
    }


def _plain_unit(running: Running) -> dict[str, object]:
    return {
        "name": running.unit.name,
        "component": running.unit.component.value,
        "rule": explain.rules.of_unit(running.unit.component).key,
        "argv": list(running.argv),
        "environment": dict(running.variables),
        "folders": dict(running.folders),
        "readOnly": list(running.read_only),
        "addresses": dict(running.addresses),
    }
