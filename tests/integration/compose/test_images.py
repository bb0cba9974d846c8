"""Each image alone, in real containers: what it does, and what it cannot do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
from testcontainers.core.container import DockerContainer

ROOT = Path(__file__).resolve().parents[3]
MNIST = ROOT / "models/bucket/models/torchserve/image_classifier/v1"
INPUT = ROOT / "examples/torch-transformer/input.json"
IMAGES = ("storage-init", "predictor-mock", "transformer")
LARGEST_TRANSFORMER = 200 * 1000**2
"""Bytes above its base."""
HTTP = 8080

Until = Callable[..., None]


def fill(containers: Any, volume: str, source: Path = MNIST) -> DockerContainer:
    """An initializer that copies `source` into `volume`."""
    container = containers.make("storage-init", f"/mnt/source/{source.name}", "/mnt/models")
    container.with_volume_mapping(str(source), f"/mnt/source/{source.name}", "ro")
    return container.with_volume_mapping(volume, "/mnt/models", "rw")


def run_to_end(container: DockerContainer) -> tuple[int, str]:
    """Its exit code, and what it wrote to standard error."""
    with container:
        code = container.get_wrapped_container().wait(timeout=60)["StatusCode"]
        return code, container.get_wrapped_container().logs(stdout=False).decode()


def predictor(containers: Any, volume: str) -> DockerContainer:
    container = containers.make("predictor-mock", "--model_name", "mnist", "--http_port", str(HTTP), alias="predictor")
    return published(container).with_volume_mapping(volume, "/mnt/models", "ro")


def published(container: DockerContainer) -> DockerContainer:
    """With its REST port on a free port of this machine, on loopback alone."""
    container.ports[str(HTTP)] = ("127.0.0.1", None)  # type: ignore[assignment]  # docker-py takes an address too
    return container


def client(container: DockerContainer) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{container.get_exposed_port(HTTP)}", timeout=10)


def answers(rest: httpx.Client, path: str) -> bool:
    try:
        return rest.get(path).status_code == 200
    except httpx.TransportError:
        return False


def test_the_initializer_fills_a_volume_and_ends(containers: Any, volume: str) -> None:
    code, told = run_to_end(fill(containers, volume))
    assert code == 0, told
    reader = containers.make("storage-init", entrypoint=["find", "/mnt/models", "-name", "*.mar"])
    with reader.with_volume_mapping(volume, "/mnt/models", "ro") as listing:
        listing.get_wrapped_container().wait(timeout=30)
        assert listing.get_wrapped_container().logs().decode().split() == ["/mnt/models/model-store/mnist.mar"]


def test_the_initializer_says_what_is_wrong_and_ends_with_1(containers: Any, volume: str, tmp_path: Path) -> None:
    broken = tmp_path / "model.tar.gz"
    broken.write_bytes(b"this is no archive")
    broken.chmod(0o644)
    tmp_path.chmod(0o755)
    code, told = run_to_end(fill(containers, volume, broken))
    assert code == 1
    assert "model.tar.gz" in told.splitlines()[-1]
    assert "Traceback" not in told


def test_the_predictor_serves_what_the_initializer_fetched(containers: Any, volume: str, until: Until) -> None:
    assert run_to_end(fill(containers, volume))[0] == 0
    with predictor(containers, volume) as running, client(running) as rest:
        until(lambda: answers(rest, "/v2/health/ready"), "the predictor")
        assert rest.get("/v2/models/mnist").json()["name"] == "mnist"
        tensor = {"name": "INPUT__0", "shape": [1, 1, 28, 28], "datatype": "FP32", "data": [0.0] * 784}
        answer = rest.post("/v2/models/mnist/infer", json={"inputs": [tensor]})
        assert answer.status_code == 200, answer.text


def test_the_predictor_without_a_model_says_so_and_ends(containers: Any, volume: str) -> None:
    assert run_to_end(containers.make("storage-init", entrypoint=["true"]).with_volume_mapping(volume, "/mnt/models"))
    code, told = run_to_end(predictor(containers, volume))
    assert code == 1
    assert "/mnt/models" in told
    assert "Traceback" not in told


def test_the_transformer_predicts_with_a_predictor_of_another_container(
    containers: Any, volume: str, until: Until
) -> None:
    assert run_to_end(fill(containers, volume))[0] == 0
    words = ("--model_name", "mnist", "--predictor_host", f"predictor:{HTTP}", "--host", "0.0.0.0")
    transformer = published(containers.make("transformer", *words))
    with predictor(containers, volume) as behind, transformer as front, client(behind) as there, client(front) as rest:
        until(lambda: answers(there, "/v2/health/ready"), "the predictor")
        until(lambda: answers(rest, "/"), "the transformer")
        answer = rest.post("/v1/models/mnist:predict", json=json.loads(INPUT.read_text()))
        assert answer.json() == {"predictions": [2]}


@pytest.mark.parametrize("image", IMAGES)
def test_nobody_in_a_container_is_root_or_writes_to_its_root(containers: Any, image: str) -> None:
    with containers.make(image, entrypoint=["sleep", "60"]) as container:

        def run(*words: str) -> tuple[int, str]:
            done = container.exec(list(words))
            return done.exit_code, done.output.decode().strip()

        assert run("id", "-u") == (0, "1000")
        for place in ("/", "/opt/venv", "/usr/bin", "/mnt"):
            code, told = run("touch", f"{place}/x")
            assert code != 0, place
            assert "Read-only file system" in told, (place, told)
        assert run("touch", "/tmp/x")[0] == 0
        capabilities = run("sh", "-c", "grep -E 'Cap(Prm|Eff|Bnd)|NoNewPrivs' /proc/1/status")[1].split()
        assert set(capabilities[1:6:2]) == {"0000000000000000"}
        assert capabilities[-1] == "1"


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_uid_1000_by_itself_and_holds_no_compiler(
    docker_engine: docker.DockerClient, images: None, image: str
) -> None:
    config = docker_engine.images.get(f"kserve-local/{image}").attrs["Config"]
    assert config["User"] == "1000:1000"
    assert config["Entrypoint"]
    found = docker_engine.containers.run(
        f"kserve-local/{image}", entrypoint=["sh", "-c", "command -v gcc cc g++ make || echo none"], remove=True
    )
    assert found.decode().split() == ["none"]


def test_the_transformer_is_at_most_200_mb_above_its_base(
    docker_engine: docker.DockerClient, images: None, environment: dict[str, str]
) -> None:
    base = docker_engine.images.get(environment.get("PYTHON_IMAGE", "python:3.11-slim-bookworm")).attrs["Size"]
    size = docker_engine.images.get("kserve-local/transformer").attrs["Size"]
    assert size - base <= LARGEST_TRANSFORMER, f"{(size - base) / 1000**2:.0f} MB"
