"""A real Triton with one repository of many kinds of models: the test's own, and the two of the sample bucket."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.servers import Server, command, free_ports, require, running

ROOT = Path(__file__).resolve().parents[3]
MODELS = ROOT / "models/bucket/models"

DATATYPES = {
    "BOOL": "TYPE_BOOL",
    **{name: f"TYPE_{name}" for name in ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")},
    **{name: f"TYPE_{name}" for name in ("FP16", "FP32", "FP64")},
    "BYTES": "TYPE_STRING",
}

MNIST = """
platform: "onnxruntime_onnx"
max_batch_size: 8
input [ { name: "INPUT__0" data_type: TYPE_FP32 dims: [ 1, 28, 28 ] } ]
output [ { name: "OUTPUT__0" data_type: TYPE_FP32 dims: [ 10 ] } ]
"""

IDENTITY = """
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        tensors = [pb_utils.Tensor(t.name().replace("IN_", "OUT_"), t.as_numpy()) for t in request.inputs()]
        return pb_utils.InferenceResponse(output_tensors=tensors)
"""


def identity(repository: Path) -> None:
    """A `python` model that answers each input as an output: one of each datatype, none of them asked for."""
    folder = repository / "identity"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.py").write_text(IDENTITY)
    inputs = ", ".join(
        f'{{ name: "IN_{name}" data_type: {kind} dims: [ -1, -1 ] optional: true }}' for name, kind in DATATYPES.items()
    )
    outputs = ", ".join(
        f'{{ name: "OUT_{name}" data_type: {kind} dims: [ -1, -1 ] }}' for name, kind in DATATYPES.items()
    )
    (folder / "config.pbtxt").write_text(f'backend: "python"\ninput [ {inputs} ]\noutput [ {outputs} ]\n')


def digits(repository: Path) -> None:
    """The sample model of TorchServe's archive: as `mnist`, declared; as `digits`, in two versions and undeclared."""
    archive = MODELS / "torchserve/image_classifier/v1/model-store/mnist.mar"
    with zipfile.ZipFile(archive) as mar:
        (onnx,) = [name for name in mar.namelist() if name.endswith(".onnx")]
        for place in ("mnist/1", "digits/1", "digits/3"):
            (repository / place).mkdir(parents=True)
            (repository / place / "model.onnx").write_bytes(mar.read(onnx))
    (repository / "digits" / "config.pbtxt").write_text("version_policy: { all: {} }\n")
    (repository / "mnist" / "config.pbtxt").write_text(MNIST)


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    identity(folder)
    digits(folder)
    shutil.copytree(MODELS / "torchscript/cifar10", folder / "cifar10")
    return folder


@pytest.fixture(scope="session")
def triton(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    require("triton")
    ports = free_ports("http", "grpc", "metrics")
    flags = [f"--{name}-port={number}" for name, number in ports.items()]
    argv = command("triton", "tritonserver", f"--model-store={repository}", *flags)
    with running(argv, ports, "/v2/health/ready", tmp_path_factory.mktemp("triton")) as server:
        yield server
