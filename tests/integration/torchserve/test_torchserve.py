"""A real TorchServe: V1 and V2 by its KServe envelopes, several models in one store, and nothing left when it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from integration.servers import Server, command, free_ports, require, running

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "models/bucket/models/torchserve/image_classifier/v1"
HELD_OUT = ROOT / "models/samples/mnist-held-out.npz"
PORTS = ("http", "grpc", "metrics", "management", "grpc_management")


@contextmanager
def serving(store: Path, config: Path, folder: Path, envelope: str) -> Iterator[Server]:
    require("torchserve")
    ports = free_ports(*PORTS)
    flags = [f"--{name}_port={number}" for name, number in ports.items()]
    # The words of KServe's runtime.
    argv = command("torchserve", "torchserve", "--start", f"--model-store={store}", f"--ts-config={config}", *flags)
    with running(argv, ports, "/ping", folder, TS_SERVICE_ENVELOPE=envelope) as server:
        yield server


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models in one store, each with its entry in the configuration."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "model-store").mkdir()
    original = (SAMPLE / "model-store/mnist.mar").read_bytes()
    (folder / "model-store" / "mnist.mar").write_bytes(original)
    renamed(SAMPLE / "model-store/mnist.mar", folder / "model-store" / "digits.mar", "digits")
    text = (SAMPLE / "config/config.properties").read_text()
    head, _, snapshot = text.rpartition("model_snapshot=")
    described = json.loads(snapshot)
    entry = {**described["models"]["mnist"]["1.0"], "marName": "digits.mar"}
    described["models"]["digits"] = {"1.0": entry}
    described["modelCount"] = 2
    (folder / "config.properties").write_text(f"{head}model_snapshot={json.dumps(described)}\n")
    return folder


def renamed(source: Path, target: Path, name: str) -> None:
    """The archive under another model name, which stands in its manifest."""
    with zipfile.ZipFile(source) as mar, zipfile.ZipFile(target, "w") as copy:
        for item in mar.namelist():
            data = mar.read(item)
            if item.endswith("MANIFEST.json"):
                manifest = json.loads(data)
                manifest["model"]["modelName"] = name
                data = json.dumps(manifest).encode()
            copy.writestr(item, data)


@pytest.fixture(scope="module")
def server(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("torchserve")
    with serving(store / "model-store", store / "config.properties", folder, "kserve") as running_server:
        yield running_server


def held_out(count: int) -> tuple[Any, list[int]]:
    """Digits nobody trained with, as the transformer sends them, and what they are."""
    with np.load(HELD_OUT) as data:
        pixels = data["pixels"][:count].reshape(count, 1, 28, 28).astype(np.float32)
        return (pixels / 255 - 0.1307) / 0.3081, data["labels"][:count].tolist()


def post(server: Server, path: str, body: object) -> Any:
    request = urllib.request.Request(
        f"http://{server.address('http')}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


@pytest.mark.parametrize("model", ["mnist", "digits"])
def test_v1_answers_with_the_digit_of_each_instance(server: Server, model: str) -> None:
    pixels, labels = held_out(1)
    body = {"instances": [{"data": picture.tolist()} for picture in pixels]}
    assert post(server, f"/v1/models/{model}:predict", body) == {"predictions": labels}


def test_the_counter_grows_with_each_request(server: Server) -> None:
    before = server.metric("ts_inference_requests_total", 'model_name="mnist"')
    body = {"instances": [{"data": np.zeros((1, 28, 28)).tolist()}]}
    post(server, "/v1/models/mnist:predict", body)
    assert server.metric("ts_inference_requests_total", 'model_name="mnist"') == before + 1


def test_it_listens_on_loopback_at_the_ports_it_was_given(server: Server) -> None:
    listening = {
        (address.laddr.ip.removeprefix("::ffff:"), address.laddr.port)
        for address in psutil.Process(server.process.pid).net_connections("inet")
        if address.status == psutil.CONN_LISTEN
    }
    assert listening == {("127.0.0.1", number) for number in server.ports.values()}


def test_the_process_is_the_front_end_itself(server: Server) -> None:
    assert Path(psutil.Process(server.process.pid).exe()).name == "java"


def test_v2_and_a_second_server_beside_the_first_and_nothing_is_left(server: Server, tmp_path: Path) -> None:
    """Two on one machine, which TorchServe's own launcher does not allow."""
    pixels, labels = held_out(2)
    tensor = {"name": "INPUT__0", "shape": [2, 1, 28, 28], "datatype": "FP32", "data": pixels.ravel().tolist()}
    with serving(SAMPLE / "model-store", SAMPLE / "config/config.properties", tmp_path, "kservev2") as second:
        answer = post(second, "/v2/models/mnist/infer", {"id": "7", "inputs": [tensor]})
        workers = psutil.Process(second.process.pid).children(recursive=True)
        second.process.send_signal(signal.SIGTERM)
        second.process.wait(20)
    assert answer["id"] == "7"
    (output,) = answer["outputs"]
    assert (output["name"], output["data"]) == ("INPUT__0", labels), "TorchServe names the output after the input"
    assert workers, "models run in processes of their own"
    left = psutil.wait_procs(workers, timeout=15)[1]
    assert not left
    assert post(server, "/v1/models/mnist:predict", {"instances": [{"data": pixels[0].tolist()}]})


def test_a_folder_without_the_layout_is_said(tmp_path: Path) -> None:
    require("torchserve")
    words = ["--start", f"--model-store={tmp_path / 'model-store'}", f"--ts-config={tmp_path / 'config.properties'}"]
    done = subprocess.run(command("torchserve", *words), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"there is no folder {tmp_path / 'model-store'}" in done.stderr


def test_a_java_home_without_java_is_said(tmp_path: Path) -> None:
    require("torchserve")
    config = SAMPLE / "config/config.properties"
    words = ["--start", f"--model-store={SAMPLE / 'model-store'}", f"--ts-config={config}"]
    done = subprocess.run(
        command("torchserve", *words),
        env={"JAVA_HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"there is no Java in JAVA_HOME={tmp_path}" in done.stderr
