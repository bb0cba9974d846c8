"""What KServe makes of a YAML, and what runs here: one file a case, each naming the rule that it holds.

A case is the documents that a user would give, and behind them `expect`: under `kserve` the containers as KServe would
run them (a subset of their fields), under `here` the units that run on this machine. In an `argv`, `<http>` is the port
on which the unit listens, `<iris-predictor.http>` the address of another, `<models>` a folder.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from isvc import explain, manifest, plan, runtimes
from isvc.errors import InputError
from isvc.explain.kserve import as_plain
from isvc.manifest import Document, InferenceService
from isvc.plan.environment import Scope
from isvc.plan.units import Directory, Endpoint, Folder, Port, ServicePlan, Unit, Word
from isvc.settings import ImageMapping, Settings, StorageMapping

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
CATALOGUE = runtimes.load()
SETTINGS = Settings(
    storage=(StorageMapping("gs://bucket/", "/sample/bucket", "bucket/"),),
    images=tuple(
        ImageMapping(f"my/{name}", f"/sample/{name}", f"{name}/")
        for name in ("transformer", "predictor", "side", "init")
    ),
)


def _parts(file: Path) -> tuple[str, dict[str, Any]]:
    text, _, expected = file.read_text().partition("---\nexpect:\n")
    return text, yaml.safe_load(expected)


def _ids(file: Path) -> str:
    return file.stem


@pytest.mark.parametrize("file", CASES, ids=_ids)
def test_a_case_comes_out_as_the_reference_says(file: Path) -> None:
    text, expected = _parts(file)
    if "error" in expected:
        with pytest.raises(InputError) as caught:
            plan.build(manifest.parse_text(text, "x.yaml"), SETTINGS, catalogue=CATALOGUE)
        assert expected["error"] in str(caught.value)
        assert str(caught.value).startswith("x.yaml:")
        return
    documents = manifest.parse_text(text, "x.yaml")
    (service,) = plan.build(documents, SETTINGS, catalogue=CATALOGUE).services
    _check_here(service, expected)
    for name, fields in expected.get("kserve", {}).items():
        _check_kserve(_containers(documents), name, fields)
    for name, value in _told(service).items():
        assert value == expected.get(name, value), name


def test_each_case_names_its_rule_and_there_are_enough_of_them() -> None:
    assert len(CASES) >= 40
    for file in CASES:
        _, expected = _parts(file)
        assert file.stem.startswith(f"{expected['rule']}-")
        assert file.read_text().startswith(f"# Rule {expected['rule']}: ")
    rules = {_parts(file)[1]["rule"] for file in CASES}
    assert rules >= {"1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "2.2", "2.3", "3.1", "3.2"}


def test_nothing_is_expected_that_is_not_looked_at() -> None:
    known = {"rule", "error", "kserve", "here", *_told(ServicePlan("a", "b", (), _ROUTE, "c"))}
    for file in CASES:
        assert set(_parts(file)[1]) <= known, file.name


_ROUTE = plan.Route(("a",), Endpoint("a", "http"), None)


def _told(service: ServicePlan) -> dict[str, Any]:
    route = service.route
    return {
        "hosts": list(route.hosts),
        "component_hosts": [host for one in service.component_routes for host in one.hosts],
        "route": route.rest.unit,
        "path": [route.path_host, route.path],
        "timeouts": [route.timeout, *(one.timeout for one in service.component_routes)],
        "shares": {share.rest.unit: share.percent for share in route.canaries},
        "copies": {name: list(others) for name, others in service.copies},
        "model_name": service.model_name,
        "stopped": service.stopped,
    }


def _check_here(service: ServicePlan, expected: dict[str, Any]) -> None:
    units = {unit.name: unit for unit in service.units}
    if expected.get("here") == {}:
        assert units == {}
    for name, fields in expected.get("here", {}).items():
        assert name in units, sorted(units)
        shown = _shown(units[name])
        assert {field: shown[field] for field in fields} == {
            field: {**shown[field], **value} if field == "environment" and value else value
            for field, value in fields.items()
        }


def _shown(unit: Unit) -> dict[str, Any]:
    probe = unit.probe
    return {
        "argv": " ".join(map(_text, unit.command)),
        "environment": {**{name: _text(word) for name, word in unit.environment}, **dict(unit.secrets)},
        "ports": dict(unit.ports),
        "mounts": {mount.path: _place(mount.directory) for mount in unit.mounts},
        "files": {
            f"{files.directory.name}/{one.path}": f"{one.mode:04o} {base64.b64decode(one.content).decode()}"
            for files in unit.files
            for one in files.files
        },
        "read_only": all(mount.read_only for mount in unit.mounts),
        "needs": [f"{need.unit} {need.condition.value}" for need in unit.needs],
        "pod": unit.pod,
        "folder": unit.folder,
        "image": unit.image,
        "probe": "" if probe is None else f"GET {probe.port} {probe.path}" if probe.path else f"TCP {probe.port}",
    }


def _text(word: Word) -> str:
    return "".join(piece if isinstance(piece, str) else f"<{_place(piece)}>" for piece in word)


def _place(piece: Endpoint | Port | Directory | Folder) -> str:
    match piece:
        case Endpoint(unit, port):
            return f"{unit}.{port}"
        case Port(port):
            return port
        case Directory(name):
            return name
        case Folder(location):
            return location


def _containers(documents: tuple[Document, ...]) -> dict[str, dict[str, Any]]:
    """By component; the transformer of a collocated pair by its own name."""
    document = next(one for one in documents if isinstance(one.resource, InferenceService))
    assert isinstance(document.resource, InferenceService)
    found = explain.containers(Scope(document, documents), document.resource, CATALOGUE)
    named: dict[str, dict[str, Any]] = {}
    for container in found:
        plain = dict(as_plain(container))
        component = "predictor" if container.component.endswith("predictor") else container.component
        named.setdefault(component if component not in named else container.name, plain)
    return named


def _check_kserve(containers: dict[str, dict[str, Any]], name: str, fields: dict[str, Any]) -> None:
    shown = containers[name]
    wanted = {field: {**shown[field], **value} if field == "variables" else value for field, value in fields.items()}
    assert {field: shown[field] for field in fields} == wanted
