"""Faults, start-up, other layouts and endings, on running servers."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.grpc
from onnx import TensorProto, helper
from tritonclient.utils import InferenceServerException

from .conftest import BUCKET, SECONDS, Running, Start

TRITON = str(BUCKET / "torchscript")
ZEROS = {"inputs": [{"name": "INPUT__0", "shape": [1, 3, 32, 32], "datatype": "FP32", "data": [0] * 3072}]}


def infer(running: Running, body: Any = ZEROS, model: str = "cifar10") -> httpx.Response:
    return httpx.post(f"http://{running.rest}/v2/models/{model}/infer", json=body, timeout=SECONDS)


def put(running: Running, **faults: Any) -> httpx.Response:
    return httpx.put(f"http://{running.rest}/mock/faults", json=faults)


def until(condition: Callable[[], bool], what: str) -> None:
    """Waits for a condition, `SECONDS` at most."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {SECONDS} s"
        time.sleep(0.05)


def test_faults_are_set_changed_and_cleared_while_it_runs(start: Start) -> None:
    running = start("--model_dir", TRITON, "--error_rate", "1", "--seed", "5")

    statuses = [infer(running).status_code]
    shown = httpx.get(f"http://{running.rest}/mock/faults").json()
    for settings in ({"error_rate": 1, "error_status": 504}, {"error_rate": 1, "error_status": 500}, {}):
        assert put(running, **settings).status_code == 200
        statuses.append(infer(running).status_code)

    assert statuses == [503, 504, 500, 200]
    assert (shown["seed"], shown["requests"], shown["errors"]) == (5, 1, 1)
    assert put(running, error_rate=7).status_code == 400


def test_an_injected_error_has_its_sibling_on_grpc(start: Start) -> None:
    running = start("--model_dir", TRITON, "--error_rate", "1")

    with tritonclient.grpc.InferenceServerClient(running.grpc) as client:
        tensor = tritonclient.grpc.InferInput("INPUT__0", [1, 3, 32, 32], "FP32")
        tensor.set_data_from_numpy(np.zeros((1, 3, 32, 32), np.float32))
        with pytest.raises(InferenceServerException, match="Injected error 503") as error:
            client.infer("cifar10", [tensor])

    assert error.value.status() == "StatusCode.UNAVAILABLE"


def test_injected_latency_delays_inference_and_not_health(start: Start) -> None:
    running = start("--model_dir", TRITON, "--latency_ms", "1500")
    answered = threading.Event()

    def ask() -> None:
        assert infer(running).status_code == 200
        answered.set()

    asking = threading.Thread(target=ask)
    began = time.monotonic()
    asking.start()
    until(lambda: httpx.get(f"http://{running.rest}/mock/faults").json()["requests"] == 1, "the request's arrival")
    assert httpx.get(f"http://{running.rest}/v2/health/ready").status_code == 200
    assert not answered.is_set()
    asking.join(SECONDS)

    assert answered.is_set()
    assert time.monotonic() - began >= 1.5


def heavy() -> bytes:
    """A model that takes a while: a matrix, multiplied with itself many times."""
    taken = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1000, 1000])]
    given = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1000, 1000])]
    names = ["x", *(f"m{step}" for step in range(15)), "y"]
    nodes = [helper.make_node("MatMul", ["x", before], [after]) for before, after in pairwise(names)]
    made = helper.make_graph(nodes, "heavy", taken, given)
    content: bytes = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    return content


def test_health_is_answered_while_a_big_model_computes(start: Start, tmp_path: Path) -> None:
    (tmp_path / "heavy.onnx").write_bytes(heavy())
    running = start("--model_dir", str(tmp_path), "--model_name", "heavy")
    answers: list[str] = []
    with tritonclient.grpc.InferenceServerClient(running.grpc) as client:
        tensor = tritonclient.grpc.InferInput("x", [1000, 1000], "FP32")
        tensor.set_data_from_numpy(np.zeros((1000, 1000), np.float32))
        output = tritonclient.grpc.InferRequestedOutput("y")

        def done(result: Any, error: Any) -> None:
            answers.append("inference" if error is None else str(error))

        client.async_infer("heavy", [tensor], done, outputs=[output])
        until(lambda: httpx.get(f"http://{running.rest}/mock/faults").json()["requests"] == 1, "the request's arrival")
        assert httpx.get(f"http://{running.rest}/v2/health/live").status_code == 200
        answers.append("health")
        until(lambda: len(answers) == 2, "the inference's answer")

    assert answers == ["health", "inference"]


def test_it_is_alive_and_not_ready_while_it_starts(start: Start) -> None:
    running = start("--model_dir", TRITON, "--startup_seconds", "4")
    base = f"http://{running.rest}"

    assert httpx.get(f"{base}/").status_code == 200
    assert httpx.get(f"{base}/v2/health/ready").status_code == 503
    assert httpx.get(f"{base}/v2/models/cifar10/ready").status_code == 503
    assert infer(running).status_code == 503
    until(lambda: httpx.get(f"{base}/v2/health/ready").status_code == 200, "readiness")

    assert infer(running).status_code == 200


def test_a_platform_it_cannot_run_gets_the_same_declared_answers_from_the_same_seed(
    start: Start, tmp_path: Path
) -> None:
    folder = tmp_path / "resnet"
    (folder / "1").mkdir(parents=True)
    (folder / "1/model.pt").touch()
    (folder / "config.pbtxt").write_text(
        'platform: "pytorch_libtorch" max_batch_size: 8 '
        'input { name: "INPUT__0" data_type: TYPE_UINT8 dims: [ 4 ] } '
        'output { name: "OUTPUT__0" data_type: TYPE_FP32 dims: [ 3 ] }'
    )
    body = {"inputs": [{"name": "INPUT__0", "shape": [2, 4], "datatype": "UINT8", "data": [1] * 8}]}

    answers = [infer(start("--model_dir", str(tmp_path), "--seed", "9"), body, "resnet").json() for _ in range(2)]

    assert answers[0]["outputs"][0]["shape"] == [2, 3]
    assert answers[0]["outputs"] == answers[1]["outputs"]


def test_it_ends_cleanly_when_it_is_told_to(start: Start) -> None:
    running = start("--model_dir", str(BUCKET / "torchserve/image_classifier/v1"))
    until(lambda: httpx.get(f"http://{running.rest}/v2/health/ready").status_code == 200, "readiness")

    assert running.stop() == 0
    assert "Traceback" not in running.log


def test_an_empty_model_directory_ends_with_1_and_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "predictor_mock.cli", "--model_dir", str(tmp_path)]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)

    assert ended.returncode == 1
    assert ended.stderr == (
        f"predictor-mock: nothing to serve in {tmp_path}: it is empty; did the storage initializer run?\n"
    )
