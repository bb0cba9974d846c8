"""The further examples, each through the ingress: every runtime that runs here, and predictors of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton_http

from e2e.stack import ROOT, Stack, curl

pytestmark = pytest.mark.e2e

EXAMPLES = ROOT / "examples"
FIRST_TIME = 900
"""Seconds."""
NAMES = (
    "sklearn-iris",
    "sklearn-iris-v2",
    "xgboost-iris",
    "lightgbm-iris",
    "onnx-triton",
    "custom-predictor",
    "collocated-transformer",
)


@pytest.fixture
def services(fresh: Stack) -> Stack:
    """All of them at once, as one project. The first time environments, or images, are made."""
    files = (EXAMPLES / name / "service.yaml" for name in NAMES)
    fresh.isvc("up", *files, "--backend", fresh.backend, "--ingress-port", 0, timeout=FIRST_TIME)
    return fresh


def _send(stack: Stack, name: str, path: str, body: Path) -> Any:
    status, answer = curl(stack, name, path, "-H", "Content-Type: application/json", "-d", f"@{body}")
    assert status == 200, answer
    return answer


def test_every_runtime_answers_its_example(services: Stack) -> None:
    flowers = EXAMPLES / "sklearn-iris/input.json"
    assert _send(services, "sklearn-iris", "/v1/models/sklearn-iris:predict", flowers) == {"predictions": [1, 1]}
    assert _send(services, "xgboost-iris", "/v1/models/xgboost-iris:predict", flowers) == {"predictions": [1.0, 1.0]}
    scores = _send(services, "lightgbm-iris", "/v1/models/lightgbm-iris:predict", flowers)["predictions"]
    assert np.argmax(scores, axis=1).tolist() == [1, 1]
    numbers = EXAMPLES / "custom-predictor/input.json"
    assert _send(services, "custom-predictor", "/v1/models/doubler:predict", numbers) == {"predictions": [2, 5.0]}
    digit = EXAMPLES / "collocated-transformer/input.json"
    assert _send(services, "collocated-transformer", "/v1/models/mnist:predict", digit) == {"predictions": [2]}
    in_v2 = EXAMPLES / "sklearn-iris-v2/input.json"
    for name in ("sklearn-iris", "sklearn-iris-v2"):  # our own server, and MLServer
        (output,) = _send(services, name, f"/v2/models/{name}/infer", in_v2)["outputs"]
        assert output["data"] == [1, 1]
    _triton_scores_a_picture(services)
    _explain_shows_what_each_runs(services)


def _triton_scores_a_picture(stack: Stack) -> None:
    tensor = triton_http.InferInput("INPUT__0", [1, 3, 32, 32], "FP32")
    tensor.set_data_from_numpy(np.zeros((1, 3, 32, 32), np.float32))
    with triton_http.InferenceServerClient(stack.address("onnx-triton")) as client:
        headers = {"Host": stack.host("onnx-triton")}
        assert client.infer("cifar10", [tensor], headers=headers).as_numpy("OUTPUT__0").shape == (1, 10)


def _explain_shows_what_each_runs(stack: Stack) -> None:
    files = (EXAMPLES / name / "service.yaml" for name in NAMES)
    told = json.loads(stack.isvc("explain", *files, "-o", "json").stdout)
    runtimes = {service["name"]: service["containers"][0]["runtime"] for service in told}
    assert runtimes == {
        "sklearn-iris": "kserve-sklearnserver",
        "sklearn-iris-v2": "kserve-mlserver",
        "xgboost-iris": "kserve-xgbserver",
        "lightgbm-iris": "kserve-lgbserver",
        "onnx-triton": "kserve-tritonserver",
        "custom-predictor": "",
        "collocated-transformer": "kserve-torchserve",
    }
