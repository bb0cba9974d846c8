"""The same picture gets the same scores from predictor-mock and from Triton, over every wire."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from integration.servers import Server, free_ports, running
from modelapi import InferInput, InferRequest, InferResponse, PredictorConfig
from modelapi.predictors import connect

WIRES = {"json": ("v2", "json"), "binary": ("v2", "binary"), "grpc": ("grpc-v2", "auto")}
SHAPES = {"cifar10": (1, 3, 32, 32), "mnist": (1, 1, 28, 28)}
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def mock(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    ports = free_ports("http", "grpc")
    flags = [f"--{name}_port={number}" for name, number in ports.items()]
    # The identity model is Triton's own kind of Python; the mock serves it by its declaration.
    argv = [sys.executable, "-m", "predictor_mock.cli", f"--model_dir={repository}", *flags]
    with running(argv, ports, "/v2/health/ready", tmp_path_factory.mktemp("mock")) as server:
        yield server


async def scores(server: Server, wire: str, model: str, pixels: Any) -> Any:
    protocol, encoding = WIRES[wire]
    address = server.address("grpc" if protocol == "grpc-v2" else "http")
    predictor = connect(PredictorConfig(address, protocol, encoding=encoding))  # type: ignore[arg-type]  # one of them
    tensor = InferInput("INPUT__0", list(pixels.shape), "FP32")
    tensor.set_data_from_numpy(pixels)
    try:
        answer = await predictor.predict(InferRequest(model, [tensor]), model, {})
    finally:
        await predictor.close()
    assert isinstance(answer, InferResponse)
    return answer.outputs[0].as_numpy()


@pytest.mark.parametrize("model", SHAPES)
async def test_the_same_picture_gets_the_same_scores(mock: Server, triton: Server, model: str) -> None:
    pixels = np.random.default_rng(7).normal(size=SHAPES[model]).astype(np.float32)
    reference = await scores(mock, "binary", model, pixels)
    assert reference.shape == (1, 10)
    assert np.ptp(reference) > 0.1, "a model that says the same of everything would prove nothing"
    for server in (mock, triton):
        for wire in WIRES:
            np.testing.assert_allclose(await scores(server, wire, model, pixels), reference, atol=TOLERANCE, rtol=0)
