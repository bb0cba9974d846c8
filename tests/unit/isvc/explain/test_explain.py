"""Both examples of the guide: every injected item has its rule, every difference its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from isvc import explain, manifest, plan, runtimes, settings
from isvc.explain import RULES
from isvc.explain.compare import Row, unit_of
from isvc.explain.here import ShownSite, here
from isvc.manifest import InferenceService
from isvc.plan.environment import Scope

ROOT = Path(__file__).parents[4]
EXAMPLES = {
    "torch-transformer": ROOT / "examples/torch-transformer/transformer-new.yaml",
    "torch-grpc-transformer": ROOT / "examples/torch-grpc-transformer/grpc_transformer.yaml",
}


def _rows(file: Path) -> dict[str, tuple[Row, ...]]:
    """The rows of each container, by its component."""
    documents = manifest.read([file])
    text = (ROOT / "isvc.yaml").read_text()
    (service,) = plan.build(documents, settings.from_text(text, ROOT / "isvc.yaml")).services
    units = {one.unit.name: one for one in here(service, ShownSite({}, "/state"))}
    resource = documents[0].resource
    assert isinstance(resource, InferenceService)
    containers = explain.containers(Scope(documents[0], documents), resource, runtimes.load())
    return {one.component: explain.compare(one, unit_of(one, units)) for one in containers}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_injected_item_has_its_rule_and_its_file(name: str) -> None:
    rows = _rows(EXAMPLES[name])
    injected = [row for some in rows.values() for row in some if row.kserve and not row.yaml]
    assert {row.rule.key for row in injected} >= {"predictor-host", "http-port", "service-name", "models", "port-80"}
    assert all(row.rule.source.startswith("pkg/") for row in injected)
    (host,) = [row for row in injected if row.name == "--predictor_host"]
    assert host.kserve == f"--predictor_host {name}-predictor.default"


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_difference_has_its_reason(name: str) -> None:
    for rows in _rows(EXAMPLES[name]).values():
        for row in rows:
            if row.kind in ("argument", "variable", "mount") and row.here != row.kserve:
                assert row.deviation, row


def test_every_rule_names_a_file_of_kserve_but_the_one_of_the_yaml_itself() -> None:
    assert [rule.key for rule in RULES.values() if not rule.source] == ["written"]
    assert all(rule.source.endswith(".go") for rule in RULES.values() if rule.source)
