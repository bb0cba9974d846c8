"""`--real 1`: both examples on the real servers, asserted by what these say of themselves and by their own counters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.stack import CIFAR10, INPUTS, MNIST, YAMLS, Stack, curl
from isvc.backends.compose import FILE
from isvc.backends.compose.backend import project_name

pytestmark = pytest.mark.e2e

MODELS = {MNIST: "mnist", CIFAR10: "cifar10"}
COUNTERS = {
    MNIST: ("8082", "metrics", 'ts_inference_requests_total{model_name="mnist"'),
    CIFAR10: ("8002", "metrics", 'nv_inference_request_success{model="cifar10"'),
}
FETCH = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=20).read().decode())"


@pytest.fixture(scope="module")
def real(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Both services on real servers. Their environments, or images, are made first if they are not there."""
    stack = Stack(tmp_path_factory.mktemp("real"), backend, f"e2e-real-{backend}-{os.getpid()}")
    up = ["--backend", backend, "--ingress-port", 0, "--real", 1]
    try:
        done = stack.isvc("up", *YAMLS.values(), *up, timeout=1200)
        assert "kserve-torchserve -> TorchServe 0.12" in done.stdout
        assert "kserve-tritonserver -> Triton 2.51" in done.stdout
        yield stack
    finally:
        stack.isvc("down", "--volumes")


def from_predictor(stack: Stack, service: str, number: str, name: str, path: str) -> str:
    """What the predictor of `service` answers to a GET: at its port `name`, which is `number` in a container."""
    unit = f"{service}-predictor"
    if stack.backend == "process":
        table = stack.isvc("get", "-o", "wide").stdout.splitlines()
        row = next(line.split() for line in table if line.startswith(f"{unit} "))
        addresses = dict(pair.split("=", 1) for pair in row[-1].split(","))
        command = [sys.executable, "-c", FETCH, f"http://{addresses[name]}{path}"]
    else:
        folder = stack.state / stack.project
        compose = ["docker", "compose", "--project-name", project_name(folder), "--file", str(folder / FILE)]
        command = [*compose, "exec", "-T", unit, "python3", "-c", FETCH, f"http://127.0.0.1:{number}{path}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=Path.cwd()).stdout


def count(stack: Stack, service: str) -> float:
    number, name, series = COUNTERS[service]
    lines = from_predictor(stack, service, number, name, "/metrics").splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(series))


@pytest.mark.parametrize("service", MODELS)
def test_a_prediction_is_counted_by_the_real_server(real: Stack, service: str) -> None:
    before = count(real, service)
    status, body = curl(real, service, f"/v1/models/{MODELS[service]}:predict", "-d", f"@{INPUTS[service]}")
    assert status == 200
    (answer,) = body["predictions"]
    assert (answer == 2) if service == MNIST else max(range(10), key=answer.__getitem__) == 3
    assert count(real, service) == before + 1


def test_triton_says_that_it_is_triton(real: Stack) -> None:
    assert '"name":"triton","version":"2.51.0"' in from_predictor(real, CIFAR10, "8080", "http", "/v2")


def test_torchserve_says_that_it_is_healthy(real: Stack) -> None:
    assert "Healthy" in from_predictor(real, MNIST, "8080", "http", "/ping")
    about = from_predictor(real, MNIST, "8086", "management", "/models/mnist")
    assert '"status": "READY"' in about


def test_a_second_up_changes_nothing(real: Stack) -> None:
    up = ["--backend", real.backend, "--ingress-port", 0, "--real", 1]
    assert real.isvc("up", *YAMLS.values(), *up).stdout.count(" unchanged") == 2
