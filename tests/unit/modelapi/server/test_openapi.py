"""Requests that schemathesis makes from the server's own OpenAPI document, right ones and wrong ones.

No answer is a 5xx, and each is one that the document announces: its status, its content type, its body.
`MODELAPI_BAD_REQUESTS` says how many there are: a hundredth of it for each operation and kind. The counts are printed.
"""

import os
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from modelapi import Model, ModelRepository
from modelapi.config import ServerConfig
from modelapi.dataplane import DataPlane
from modelapi.server.routes import ENDPOINTS
from modelapi.server.run import Servers

COUNT = max(1, int(os.environ.get("MODELAPI_BAD_REQUESTS", "3000")) // 100)
SEED = int(os.environ.get("MODELAPI_BAD_REQUESTS_SEED", "20240601"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
RIGHT, WRONG = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
WITH_BODY = ("predict", "explain", "infer", "infer_version", "index")
# A generated name is that of no model, so most requests get one of these. Loading a model that is not there is a 503
# in KServe, and unloading one that is there would end the test.
NAMES = {"predict": ["patient"], "explain": ["patient"], "load": ["echo"], "unload": ["nope"], "model_ready": ["echo"]}
VERSIONED = ["versioned", "versioned", "nope"]


@pytest.fixture
def application(plane: DataPlane) -> Any:
    """A server whose models are all ready."""
    repository = ModelRepository()
    for name in ("echo", "patient", "versioned"):
        model = plane.get_model_from_registry(name)
        assert isinstance(model, Model)
        repository.update(model)
    return Servers(ServerConfig(max_body_bytes=2000), DataPlane(repository)).application


@pytest.mark.parametrize(
    ("name", "mode"),
    [(row.name, mode) for row in ENDPOINTS for mode in ((RIGHT, WRONG) if row.name in WITH_BODY else (RIGHT,))],
)
def test_what_the_document_invites_is_answered_as_it_says(
    application: Any, name: str, mode: GenerationMode, capsys: pytest.CaptureFixture[str]
) -> None:
    operation = schemathesis.openapi.from_asgi("/openapi.json", application).find_operation_by_id(name)
    names, counts = names_for(name, operation.path), Counter[int]()

    @seed(SEED)
    @settings(
        max_examples=COUNT,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if case.path_parameters:
            case.path_parameters["model_name"] = next(names)
        if "model_version" in case.path_parameters:
            case.path_parameters["model_version"] = "1"
        counts[case.call_and_validate(app=application, checks=CHECKS).status_code] += 1

    ask()
    kind = "right" if mode is RIGHT else "wrong"
    with capsys.disabled():
        print(f"\n{kind} requests, {operation.label}: {counts.total()}, by status {dict(counts)}, seed {SEED}")  # noqa: T201 -- the counts are the point
    assert max(counts) < 500


def names_for(name: str, path: str) -> Iterator[str]:
    """The names of models to ask for, again and again."""
    return cycle(NAMES.get(name) or (VERSIONED if "versions" in path else ["echo", "echo", "nope"]))
