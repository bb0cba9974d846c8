"""compose.yaml and the ingress' routes, written by hand for people, mean what isvc makes of the examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from isvc.backends.compose.render import Layout, render, routes
from isvc.plan.units import Plan

ROOT = Path(__file__).resolve().parents[5]


def written(path: str) -> dict[str, Any]:
    """What stands in the file, without the `x-` parts that only exist to be repeated."""
    model = yaml.safe_load((ROOT / path).read_text())
    return {key: value for key, value in model.items() if not key.startswith("x-")}


def test_compose_yaml_is_what_isvc_renders_of_the_examples(examples: Plan) -> None:
    rendered = render(examples, Layout(root=str(ROOT), routes=str(ROOT / "ingress/routes"), relative=True))
    by_hand = written("compose.yaml")
    assert list(by_hand["services"]) == list(rendered["services"])
    for name, service in rendered["services"].items():
        assert by_hand["services"][name] == service, name
    assert by_hand == rendered


def test_the_routes_of_the_ingress_are_what_isvc_renders_of_the_examples(examples: Plan) -> None:
    assert written("ingress/routes/routes.yaml") == routes(examples)


def test_the_air_gapped_variables_are_those_of_compose_yaml() -> None:
    text = (ROOT / "compose.yaml").read_text()
    lines = [line for line in (ROOT / "air-gapped.env").read_text().splitlines() if not line.startswith("#")]
    assert {line.partition("=")[0] for line in lines} == {"PYTHON_IMAGE", "TRAEFIK_IMAGE"}
    assert all(f"${{{line.partition('=')[0]}:-" in text for line in lines)
