"""compose.yaml by itself, as `docker compose up --wait` runs it: no make, no isvc."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import httpx
import numpy as np
import psutil
import pytest
import tritonclient.grpc as triton_grpc

from isvc.backends.ports import choose

ROOT = Path(__file__).resolve().parents[3]
MNIST = "torch-transformer"
CIFAR10 = "torch-grpc-transformer"
MODELS = {MNIST: "mnist", CIFAR10: "cifar10"}
INPUTS = {name: json.loads((ROOT / f"examples/{name}/input.json").read_text()) for name in MODELS}
PROJECT_LABEL = "com.docker.compose.project"

Until = Callable[..., None]


@dataclass(frozen=True)
class Stack:
    engine: docker.DockerClient
    environment: dict[str, str]
    project: str
    port: int

    def compose(self, *words: str, timeout: float = 180) -> str:
        command = ["docker", "compose", "--file", str(ROOT / "compose.yaml"), "--project-name", self.project, *words]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    def predict(self, name: str) -> httpx.Response:
        headers = {"Host": f"{name}.default.example.com"}
        url = f"http://127.0.0.1:{self.port}/v1/models/{MODELS[name]}:predict"
        return httpx.post(url, json=INPUTS[name], headers=headers, timeout=20)

    def answers(self, name: str, status: int) -> bool:
        return self.predict(name).status_code == status

    def container(self, service: str) -> Any:
        filters = {"label": [f"{PROJECT_LABEL}={self.project}", f"com.docker.compose.service={service}"]}
        [found] = self.engine.containers.list(all=True, filters=filters)
        return found

    def everything(self) -> list[Any]:
        """What Docker has of this project: containers, networks, volumes."""
        mine = {"label": f"{PROJECT_LABEL}={self.project}"}
        containers = self.engine.containers.list(all=True, filters=mine)
        return [*containers, *self.engine.networks.list(filters=mine), *self.engine.volumes.list(filters=mine)]


def make_stack(engine: docker.DockerClient, environment: dict[str, str], suffix: str) -> Iterator[Stack]:
    port = choose(())
    own = {**environment, "INGRESS_PORT": str(port)}
    stack = Stack(engine, own, f"kserve-local-test-{os.getpid()}-{suffix}", port)
    try:
        stack.compose("up", "--detach", "--wait", "--wait-timeout", "150")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "10")
        assert stack.everything() == []


@pytest.fixture(scope="module")
def stack(docker_engine: docker.DockerClient, environment: dict[str, str], images: None) -> Iterator[Stack]:
    yield from make_stack(docker_engine, environment, "one")


def picture(name: str) -> bytes:
    import base64

    return base64.b64decode(INPUTS[name]["instances"][0]["image"]["b64"])


def test_docker_accepts_the_file(docker_engine: docker.DockerClient) -> None:
    file = str(ROOT / "compose.yaml")
    done = subprocess.run(["docker", "compose", "--file", file, "config", "--quiet"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_both_services_answer_v1_on_one_port(stack: Stack) -> None:
    assert stack.predict(MNIST).json() == {"predictions": [2]}
    [scores] = stack.predict(CIFAR10).json()["predictions"]
    assert int(np.argmax(scores)) == 3


@pytest.mark.parametrize("name", MODELS)
def test_both_services_answer_v2_and_grpc_on_the_same_port(stack: Stack, name: str) -> None:
    headers = {"Host": f"{name}.default.example.com"}
    told = httpx.get(f"http://127.0.0.1:{stack.port}/v2/models/{MODELS[name]}", headers=headers, timeout=20)
    assert told.json()["name"] == MODELS[name]
    tensor = triton_grpc.InferInput("INPUT__0", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([picture(name)], dtype=object))
    authority = [("grpc.default_authority", f"{name}.default.example.com")]
    with triton_grpc.InferenceServerClient(f"127.0.0.1:{stack.port}", channel_args=authority) as client:
        assert client.infer(MODELS[name], [tensor]).get_response().outputs


def test_a_host_that_nobody_has_is_not_found(stack: Stack) -> None:
    answer = httpx.get(f"http://127.0.0.1:{stack.port}/", headers={"Host": "nobody.example.com"}, timeout=20)
    assert answer.status_code == 404


def test_the_predictor_is_known_by_every_name_of_its_kubernetes_service(stack: Stack) -> None:
    asking = stack.container(f"{MNIST}-transformer")
    for suffix in ("", ".svc", ".svc.cluster.local"):
        name = f"{MNIST}-predictor.default{suffix}"
        code, _ = asking.exec_run(["python", "-c", f"import socket; socket.create_connection(({name!r}, 8080), 5)"])
        assert code == 0, name


def test_only_the_ingress_listens_on_this_machine_and_only_on_loopback(stack: Stack) -> None:
    for service in json.loads(json.dumps(stack.compose("ps", "--all", "--services").split())):
        bound = stack.container(service).attrs["HostConfig"]["PortBindings"] or {}
        addresses = [binding["HostIp"] for bindings in bound.values() for binding in bindings]
        assert addresses == (["127.0.0.1"] if service == "ingress" else []), service


def test_no_container_of_the_stack_is_root_or_can_write_to_its_root_or_to_the_models(stack: Stack) -> None:
    for service in (f"{MNIST}-predictor", f"{MNIST}-transformer", f"{CIFAR10}-predictor", f"{CIFAR10}-transformer"):
        container = stack.container(service)
        assert container.exec_run(["id", "-u"]).output.strip() == b"1000"
        for place in ("/", "/mnt/models") if service.endswith("predictor") else ("/",):
            code, told = container.exec_run(["touch", f"{place}/x"])
            assert code != 0
            assert b"Read-only file system" in told, (service, place)
    ingress = stack.container("ingress")
    assert ingress.attrs["Config"]["User"] == "1000:1000"
    assert ingress.attrs["HostConfig"]["ReadonlyRootfs"]


@pytest.mark.parametrize("component", ["predictor", "transformer"])
def test_a_server_that_dies_is_restarted_and_503_meanwhile(stack: Stack, component: str, until: Until) -> None:
    container = stack.container(f"{MNIST}-{component}")
    restarts = container.attrs["RestartCount"]
    # The server itself, a child of the container's init: what a crash would end.
    psutil.Process(container.attrs["State"]["Pid"]).children()[0].send_signal(signal.SIGKILL)
    seen = []

    def is_back() -> bool:
        seen.append(stack.predict(MNIST).status_code)
        container.reload()
        return seen[-1] == 200 and container.attrs["RestartCount"] == restarts + 1

    until(is_back, "the service to answer again")
    assert set(seen) <= {200, 503}
    assert component == "transformer" or 503 in seen, "the transformer says at once that its predictor is away"
    assert stack.answers(CIFAR10, 200), "the other service is not touched"


def test_killing_a_service_loses_nothing_that_up_does_not_bring_back(stack: Stack) -> None:
    stack.compose("kill", f"{CIFAR10}-predictor", f"{CIFAR10}-transformer")
    assert stack.answers(CIFAR10, 503)
    assert stack.answers(MNIST, 200)
    stack.compose("up", "--detach", "--wait", "--wait-timeout", "150")
    assert stack.answers(CIFAR10, 200)
