"""The lines that `up` prints call a model by the name that its server has for it, and in the protocol of its body."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from isvc.cli.invocations import predict_path, served_name
from isvc.plan.units import ServicePlan
from isvc.server.exchange import Answer

NOT_FOUND = Answer(404, b"404", "text/plain")


class Served:
    """An ingress behind which each path has its answer."""

    def __init__(self, **answers: object) -> None:
        self._answers = {f"/{path.replace('_', '/')}": body for path, body in answers.items()}

    def get(self, host: str, path: str, timeout: float) -> Answer:
        body = self._answers.get(path)
        return NOT_FOUND if body is None else Answer(200, json.dumps(body).encode(), "application/json")

    def post(self, host: str, path: str, body: bytes, timeout: float) -> Answer:
        return self.get(host, path, timeout)


@pytest.mark.parametrize(
    ("served", "expected"),
    [
        (Served(v1_models={"models": ["other", "model"]}), "model"),
        (Served(v1_models={"models": ["lily"]}), "lily"),
        (Served(v2_repository_index=[{"name": "cifar10", "state": "READY"}]), "cifar10"),
        (Served(v1_models={"models": [{"name": "mnist"}]}), "mnist"),
        (Served(v1_models=[]), "model"),
        (Served(), "model"),
    ],
)
def test_the_server_is_asked_for_its_names(plan: Callable[..., ServicePlan], served: Served, expected: str) -> None:
    assert served_name(plan(), served) == expected  # type: ignore[arg-type]  # the two methods are all it needs


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"instances": [1]}', "/v1/models/m:predict"),
        (b'{"inputs": []}', "/v2/models/m/infer"),
        (b"no json", "/v1/models/m:predict"),
        (b"3", "/v1/models/m:predict"),
    ],
)
def test_a_body_is_sent_in_its_own_protocol(body: bytes, path: str) -> None:
    assert predict_path("m", body) == path
