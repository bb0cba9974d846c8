"""The image transformer as its own process, in front of a predictor: every wire in, every wire on."""

import asyncio
import base64
import io
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from PIL import Image

from modelapi import InferOutput, InferRequest, InferResponse, Model, ModelRepository
from modelapi.config import ServerConfig
from modelapi.dataplane import DataPlane
from modelapi.server.run import Servers

FOLDER = Path(__file__).parents[3] / "transformer"
WAIT_SECONDS = 60
HOPS = ["v1", "v2", "grpc-v2"]
MODELS = {"mnist": [1, 28, 28], "cifar10": [3, 32, 32]}


class Classifier(Model):
    """Answers the mean of each picture, and keeps the shapes and the wires that pictures came in."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.shapes: list[list[int]] = []
        self.wires: list[str] = []

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        if isinstance(payload, InferRequest):
            batch = payload.inputs[0].as_numpy()
            self.wires.append("grpc-v2" if payload.from_grpc else "v2")
        else:
            batch = np.array([instance["data"] for instance in payload["instances"]], np.float32)
            self.wires.append("v1")
        self.shapes.append(list(batch.shape))
        means = batch.mean(axis=(1, 2, 3))
        if not isinstance(payload, InferRequest):
            return {"predictions": means.tolist()}
        output = InferOutput("OUTPUT__0", list(means.shape), "FP32")
        output.set_data_from_numpy(means)
        return InferResponse(None, self.name, [output])


class Stack:
    """A predictor in this process, and transformers in front of it in processes of their own."""

    def __init__(self, servers: Servers, classifiers: dict[str, Classifier]) -> None:
        self.servers = servers
        self.classifiers = classifiers
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, protocol: str, log: Path) -> None:
        port = self.servers.grpc_port if protocol == "grpc-v2" else self.servers.http_port
        flags = ["--model_name", "mnist,cifar10", "--predictor_host", f"127.0.0.1:{port}", "--protocol", protocol]
        command = [sys.executable, "-m", "model", "--http_port", "0", "--grpc_port", "0", *flags]
        environment = {**os.environ, "KSERVE_LOGLEVEL": "INFO"}
        with log.open("wb") as out:
            self.processes.append(subprocess.Popen(command, cwd=FOLDER, stdout=out, stderr=out, env=environment))

    async def transformer(self, protocol: str, tmp_path: Path) -> tuple[int, int]:
        """Its REST and gRPC port, from its log, which says `REST on HOST:PORT` and `gRPC on HOST:PORT`."""
        log = tmp_path / "transformer.log"
        self.start(protocol, log)
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                text = await asyncio.to_thread(log.read_text)
                found = [re.search(rf"{wire} on 127\.0\.0\.1:(\d+)\n", text) for wire in ("REST", "gRPC")]
                if all(found):
                    rest, grpc = (int(match[1]) for match in found if match)
                    return rest, grpc
                assert self.processes[-1].poll() is None, text
                await asyncio.sleep(0.05)

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
            process.wait(WAIT_SECONDS)


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    repository = ModelRepository()
    classifiers = {name: Classifier(name) for name in MODELS}
    for classifier in classifiers.values():
        classifier.load()
        repository.update(classifier)
    servers = Servers(ServerConfig(http_port=0, grpc_port=0), DataPlane(repository))
    await servers.start()
    running = Stack(servers, classifiers)
    yield running
    await asyncio.to_thread(running.stop)
    await servers.stop(1)


def picture(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (50, 40), (level, level, level)).save(buffer, "PNG")
    return buffer.getvalue()


def expected(*levels: int) -> np.ndarray:
    return np.array([(level / 255 - 0.1307) / 0.3081 for level in levels], np.float32)


FILES = [picture(0), picture(200)]
ELEMENTS = np.array([FILES[0], base64.b64encode(FILES[1])], dtype=object)


def ask_v2(client_of: Any, port: int, name: str) -> Any:
    """With tritonclient, which nobody here wrote: raw bytes and base64 in one tensor."""
    client = client_of.InferenceServerClient(f"127.0.0.1:{port}")
    try:
        tensor = client_of.InferInput("IMAGE", [2], "BYTES")
        tensor.set_data_from_numpy(ELEMENTS)
        return client.infer(name, [tensor], request_id="7")
    finally:
        client.close()


@pytest.mark.parametrize("protocol", HOPS)
async def test_every_wire_in_is_answered_in_its_own_protocol(stack: Stack, protocol: str, tmp_path: Path) -> None:
    rest, grpc = await stack.transformer(protocol, tmp_path)
    for name, shape in MODELS.items():
        body = {"instances": [{"image": {"b64": base64.b64encode(file).decode()}} for file in FILES]}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"http://127.0.0.1:{rest}/v1/models/{name}:predict", json=body) as answer,
        ):
            assert answer.status == 200
            decoded = await answer.json()
        assert list(decoded) == ["predictions"]
        np.testing.assert_allclose(decoded["predictions"], expected(0, 200), rtol=1e-5)
        for client_of, port in ((triton_http, rest), (triton_grpc, grpc)):
            result = await asyncio.to_thread(ask_v2, client_of, port, name)
            np.testing.assert_allclose(result.as_numpy("OUTPUT__0"), expected(0, 200), rtol=1e-5)
            response = result.get_response()
            fields = response if isinstance(response, dict) else {"id": response.id, "model_name": response.model_name}
            assert (fields["id"], fields["model_name"]) == ("7", name)
        seen = stack.classifiers[name]
        assert seen.shapes == [[2, *shape]] * 3
        assert seen.wires == [protocol] * 3


BAD = [
    ({}, 'Expected "instances"'),
    ({"instances": []}, 'Expected "instances"'),
    ({"instances": [{"image": {"b64": "%%%"}}]}, "instances[0].image.b64 is no base64"),
    ({"instances": [{"image": {"b64": base64.b64encode(FILES[0][:60]).decode()}}]}, "is no picture"),
]


async def test_bad_input_is_a_400_with_its_place_and_the_predictor_is_not_asked(stack: Stack, tmp_path: Path) -> None:
    rest, _ = await stack.transformer("grpc-v2", tmp_path)
    async with aiohttp.ClientSession() as session:
        for body, message in BAD:
            async with session.post(f"http://127.0.0.1:{rest}/v1/models/mnist:predict", json=body) as answer:
                assert answer.status == 400
                assert message in (await answer.json())["error"]
    assert stack.classifiers["mnist"].shapes == []
    assert "Traceback" not in (tmp_path / "transformer.log").read_text()


@pytest.mark.parametrize("protocol", HOPS)
async def test_a_predictor_that_is_gone_is_a_503(stack: Stack, protocol: str, tmp_path: Path) -> None:
    rest, _ = await stack.transformer(protocol, tmp_path)
    await stack.servers.stop(0)
    body = {"instances": [{"image": {"b64": base64.b64encode(FILES[0]).decode()}}]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{rest}/v1/models/mnist:predict", json=body) as answer,
    ):
        assert answer.status == 503
        assert "127.0.0.1:" in (await answer.json())["error"]


def test_a_model_of_unknown_size_is_told_at_the_start() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "model", "--model_name", "resnet", "--http_port", "0", "--grpc_port", "0"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 2
    assert "no picture size for 'resnet'" in done.stderr
    assert "Traceback" not in done.stderr
