"""What a Triton repository may hold, and what Triton says of it: versions, kinds of models, control mode, metrics."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tritonclient.utils import InferenceServerException

from integration.servers import Server, command, free_ports, require, running
from isvc import environments

TORCHSCRIPT = """
import sys, torch

class Affine(torch.nn.Module):
    def forward(self, x, y):
        return x + 2 * y, x - y

torch.jit.script(Affine()).save(sys.argv[1])
"""


def ask(server: Server, model: str, pixels: Any, version: str = "") -> Any:
    name = json.loads(server.text("http", f"/v2/models/{model}"))["inputs"][0]["name"]
    tensor = triton_http.InferInput(name, list(pixels.shape), "FP32")
    tensor.set_data_from_numpy(pixels)
    with triton_http.InferenceServerClient(server.address("http")) as client:
        return client.infer(model, [tensor], model_version=version).get_response()


def test_it_is_triton_that_answers(triton: Server) -> None:
    about = json.loads(triton.text("http", "/v2"))
    assert (about["name"], about["version"]) == ("triton", "2.51.0")
    with triton_grpc.InferenceServerClient(triton.address("grpc")) as client:
        assert client.get_server_metadata().name == "triton"


def test_an_onnx_model_keeps_its_platform(triton: Server) -> None:
    assert json.loads(triton.text("http", "/v2/models/cifar10"))["platform"] == "onnxruntime_onnx"


def test_versions_are_asked_for_by_number(triton: Server) -> None:
    pixels = np.zeros((1, 1, 28, 28), np.float32)
    assert json.loads(triton.text("http", "/v2/models/digits"))["versions"] == ["1", "3"]
    assert ask(triton, "digits", pixels, "1")["model_version"] == "1"
    assert ask(triton, "digits", pixels)["model_version"] == "3"


def test_a_model_without_declared_tensors_gets_those_of_its_file(triton: Server) -> None:
    (described,) = json.loads(triton.text("http", "/v2/models/digits"))["inputs"]
    assert (described["datatype"], described["shape"]) == ("FP32", [-1, 1, 28, 28])


def test_a_wrong_shape_is_refused_by_name(triton: Server) -> None:
    with pytest.raises(InferenceServerException, match="shape"):
        ask(triton, "cifar10", np.zeros((1, 3, 8, 8), np.float32))


def test_the_counters_grow_with_each_request(triton: Server) -> None:
    before = triton.metric("nv_inference_request_success", 'model="cifar10"')
    ask(triton, "cifar10", np.zeros((2, 3, 32, 32), np.float32))
    assert triton.metric("nv_inference_request_success", 'model="cifar10"') == before + 1


def test_in_explicit_mode_only_what_is_asked_for_is_loaded(repository: Path, tmp_path: Path) -> None:
    require("triton")
    ports = free_ports("http", "grpc", "metrics")
    flags = [f"--{name}-port={number}" for name, number in ports.items()]
    explicit = [f"--model-repository={repository}", "--model-control-mode=explicit", "--load-model=digits"]
    with running(command("triton", "tritonserver", *explicit, *flags), ports, "/v2/health/ready", tmp_path) as server:
        with triton_http.InferenceServerClient(server.address("http")) as client:
            states = {model["name"]: model.get("state") for model in client.get_model_repository_index()}
            assert (states["digits"], states["cifar10"]) == ("READY", None)
            client.load_model("cifar10")
            assert client.is_model_ready("cifar10")
            client.unload_model("digits")
        children = psutil.Process(server.process.pid).children(recursive=True)
    assert not psutil.wait_procs(children, timeout=10)[1], "stopping Triton leaves a process"


def test_torchscript_runs_with_torch_of_an_environment_of_its_own(tmp_path: Path) -> None:
    require("triton")
    require("triton-torch")
    folder = tmp_path / "repository" / "affine" / "1"
    folder.mkdir(parents=True)
    script = tmp_path / "script.py"
    script.write_text(TORCHSCRIPT)
    python = environments.python_of(environments.recipe("triton-torch"))
    subprocess.run([python, script, folder / "model.pt"], check=True, capture_output=True, timeout=120)
    tensor = '{{ name: "{}" data_type: TYPE_FP32 dims: [ 2 ] }}'
    inputs = f"input [ {tensor.format('Y__1')}, {tensor.format('X__0')} ]"
    outputs = f"output [ {tensor.format('SUM__0')}, {tensor.format('DIFFERENCE__1')} ]"
    (folder.parent / "config.pbtxt").write_text(
        f'platform: "pytorch_libtorch"\nmax_batch_size: 8\n{inputs}\n{outputs}\n'
    )
    ports = free_ports("http", "grpc", "metrics")
    flags = [f"--{name}-port={number}" for name, number in ports.items()]
    argv = command("triton", "tritonserver", f"--model-store={folder.parents[1]}", *flags)
    with running(argv, ports, "/v2/health/ready", tmp_path / "run") as server:
        tensors = [triton_http.InferInput(name, [1, 2], "FP32") for name in ("X__0", "Y__1")]
        tensors[0].set_data_from_numpy(np.array([[1, 2]], np.float32))
        tensors[1].set_data_from_numpy(np.array([[10, 20]], np.float32))
        with triton_http.InferenceServerClient(server.address("http")) as client:
            answer = client.infer("affine", tensors)
    assert answer.as_numpy("SUM__0").tolist() == [[21, 42]]
    assert answer.as_numpy("DIFFERENCE__1").tolist() == [[-9, -18]]


def test_a_backend_that_is_not_there_is_said_before_triton_starts(tmp_path: Path) -> None:
    require("triton")
    (tmp_path / "yolo" / "1").mkdir(parents=True)
    (tmp_path / "yolo" / "config.pbtxt").write_text('platform: "tensorrt_plan"\n')
    argv = command("triton", "tritonserver", f"--model-store={tmp_path}")
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "model yolo needs Triton's backend tensorrt" in done.stderr
    assert "nvcr.io/nvidia/tritonserver" in done.stderr


def test_it_ends_on_sigterm_with_exit_code_0_and_leaves_nothing(repository: Path, tmp_path: Path) -> None:
    require("triton")
    ports = free_ports("http", "grpc", "metrics")
    flags = [f"--{name}-port={number}" for name, number in ports.items()]
    argv = command("triton", "tritonserver", f"--model-store={repository}", *flags)
    with running(argv, ports, "/v2/health/ready", tmp_path) as server:
        children = psutil.Process(server.process.pid).children(recursive=True)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
    assert children, "models run in processes of their own"
    assert not psutil.wait_procs(children, timeout=10)[1]
