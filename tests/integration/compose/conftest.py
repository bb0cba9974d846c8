"""A real Docker engine, the images of ours, and containers as compose.yaml would start them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from isvc.backends.compose import engine

ROOT = Path(__file__).resolve().parents[3]
LOCAL_IMAGES = {"PYTHON_IMAGE": "kserve-local/python:bookworm", "TRAEFIK_IMAGE": "kserve-local/traefik:latest"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session")
def docker_engine() -> docker.DockerClient:
    """A skip says why there is none; in CI, where there must be one, it is a failure."""
    problem = engine.problem()
    if problem is not None and os.environ.get("CI") == "true":
        pytest.fail(f"CI needs a Docker engine: {problem}", pytrace=False)
    if problem is not None:
        pytest.skip(problem)
    # The helper that testcontainers cleans up with is an image of a registry; every test here cleans up for itself.
    testcontainers_config.ryuk_disabled = True
    return docker.from_env()


@pytest.fixture(scope="session")
def environment(docker_engine: docker.DockerClient) -> dict[str, str]:
    """The environment for `docker compose`, with what `make base-image` made where it is there."""
    tags = {tag for image in docker_engine.images.list() for tag in image.tags}
    local = {variable: image for variable, image in LOCAL_IMAGES.items() if image in tags}
    return {**local, **os.environ}


@pytest.fixture(scope="session")
def images(environment: dict[str, str]) -> None:
    """The images of compose.yaml, built of what stands in the checkout now."""
    command = ["docker", "compose", "--file", str(ROOT / "compose.yaml"), "--progress", "plain", "build"]
    built = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1200, check=False)
    if built.returncode:
        pytest.fail(f"the images do not build:\n{built.stdout[-4000:]}\n{built.stderr[-2000:]}", pytrace=False)


@dataclass(frozen=True)
class Containers:
    """Makes containers that are hardened as those of compose.yaml are, in a network of their own."""

    network: Network
    hardened: dict[str, Any]

    def make(self, image: str, *words: str, alias: str = "", **more: Any) -> DockerContainer:
        """Of the image `kserve-local/IMAGE`; `words` are its command, `alias` its name in the network."""
        kept = {key: value for key, value in self.hardened.items() if key != "tmpfs"}
        container = DockerContainer(f"kserve-local/{image}", network=self.network, **kept, **more)
        container.with_network_aliases(*filter(None, [alias]))
        for folder in self.hardened["tmpfs"]:
            container.with_tmpfs_mount(folder)
        return container.with_command(list(words)) if words else container


@pytest.fixture
def containers(images: None) -> Iterator[Containers]:
    hardened = yaml.safe_load((ROOT / "compose.yaml").read_text())["x-hardened"]
    with Network() as network:
        yield Containers(network, hardened)


@pytest.fixture
def volume(docker_engine: docker.DockerClient) -> Iterator[str]:
    made = docker_engine.volumes.create()
    yield str(made.name)
    made.remove()


def until(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.1)


@pytest.fixture(name="until")
def _until() -> Callable[..., None]:
    return until
