"""Real servers as child processes, run in their environments as the process backend runs them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from isvc import environments
from isvc.errors import EnvironmentFailed

SECONDS = 120


@dataclass(frozen=True)
class Server:
    """A running server: its process, its ports by name, and the file that takes its output."""

    process: subprocess.Popen[bytes]
    ports: dict[str, int]
    output: Path

    def address(self, port: str) -> str:
        return f"127.0.0.1:{self.ports[port]}"

    def text(self, port: str, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.address(port)}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def metric(self, name: str, *labels: str) -> float:
        """The sum of a counter over its series that have `labels` in them."""
        lines = [line for line in self.text("metrics", "/metrics").splitlines() if line.startswith(f"{name}{{")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(label in line for label in labels))

    @property
    def log(self) -> str:
        return self.output.read_text(errors="replace")


def require(role: str) -> None:
    """Has the environment made. A machine that cannot have it skips; in CI that is a failure."""
    recipe = environments.recipe(role)
    obstacle = recipe.obstacle()
    if obstacle is not None and os.environ.get("CI") != "true":
        pytest.skip(obstacle)
    try:
        environments.ensure(recipe, print)
    except EnvironmentFailed as exc:
        pytest.fail(str(exc), pytrace=False)


def free_ports(*names: str) -> dict[str, int]:
    with ExitStack() as stack:
        sockets = {name: stack.enter_context(socket.socket()) for name in names}
        for each in sockets.values():
            each.bind(("127.0.0.1", 0))
        return {name: each.getsockname()[1] for name, each in sockets.items()}


def command(role: str, *arguments: object) -> list[str]:
    return [*environments.command(role, role), *map(str, arguments)]


@contextmanager
def running(argv: list[str], ports: dict[str, int], ready: str, folder: Path, **variables: str) -> Iterator[Server]:
    """A server that is ready, for the length of a `with`; afterwards its whole group has ended."""
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / "output.log"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path, **variables}
    with output.open("wb") as file:
        process = subprocess.Popen(argv, cwd=folder, env=environment, stdout=file, stderr=file, start_new_session=True)
    server = Server(process, ports, output)
    try:
        _wait(server, ready)
        yield server
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(SECONDS)
        raise


def _wait(server: Server, ready: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not _answers(f"http://{server.address('http')}{ready}"):
        if server.process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the server did not become ready:\n{server.log[-8000:]}", pytrace=False)
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
