"""A stack as a user has it: brought up by the `isvc` command, on a free port, in a folder of its own."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
ISVC = Path(sys.executable).with_name("isvc")
MNIST = "torch-transformer"
CIFAR10 = "torch-grpc-transformer"
YAMLS = {
    MNIST: ROOT / "examples/torch-transformer/transformer-new.yaml",
    CIFAR10: ROOT / "examples/torch-grpc-transformer/grpc_transformer.yaml",
}
INPUTS = {name: yaml.with_name("input.json") for name, yaml in YAMLS.items()}

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class UnitRow:
    """One line of the units' table of `isvc get -o wide`."""

    state: str
    pid: int
    restarts: int


@dataclass(frozen=True)
class Stack:
    """A project of `isvc`: its own state folder, its own ingress port."""

    state: Path
    backend: str
    project: str

    def isvc(
        self, command: str, *words: object, timeout: float = 180, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        argv = [str(ISVC), command, *map(str, words), "--project", self.project, "--state-dir", str(self.state)]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
        if check and done.returncode:
            pytest.fail(f"{' '.join(argv)} exited {done.returncode}\n{done.stdout}\n{done.stderr}", pytrace=False)
        return done

    def up(self, *files: Path, check: bool = True, port: int = 0) -> Done:
        return self.isvc("up", *files, "--backend", self.backend, "--ingress-port", port, check=check)

    def down(self) -> Done:
        return self.isvc("down")

    def get(self) -> dict[str, Any]:
        """Every service by name, as `isvc get -o json` tells it."""
        items = json.loads(self.isvc("get", "-o", "json").stdout)["items"]
        return {item["metadata"]["name"]: item for item in items}

    def units(self) -> dict[str, UnitRow]:
        """Every unit by name, from `isvc get -o wide`."""
        _, _, table = self.isvc("get", "-o", "wide").stdout.partition("\nUNIT ")
        rows = (line.split() for line in table.splitlines()[1:])
        return {row[0]: UnitRow(row[1], *_numbers(row[2:4])) for row in rows}

    def ready(self, name: str) -> bool:
        """The condition Ready of the service called `name`."""
        conditions = self.get()[name]["status"]["conditions"]
        return {c["type"]: c["status"] for c in conditions}["Ready"] == "True"

    def environment(self, name: str) -> dict[str, str]:
        """The variables that `isvc get -o env NAME` prints."""
        lines = self.isvc("get", name, "-o", "env").stdout.splitlines()
        return dict(line.removeprefix("export ").split("=", 1) for line in lines)

    def address(self, name: str) -> str:
        found = self.environment(name)
        return f"{found['INGRESS_HOST']}:{found['INGRESS_PORT']}"

    def host(self, name: str) -> str:
        return self.environment(name)["SERVICE_HOSTNAME"]

    def kill(self, unit: str) -> None:
        """End the server of this unit without a warning, as a crash would."""
        process = psutil.Process(self.units()[unit].pid)
        # A container's first process is its init; the server is the child.
        server = process if self.backend == "process" else process.children()[0]
        server.kill()

    def leftovers(self) -> list[str]:
        """What still runs or stands of this stack: processes here, or containers and networks of the engine."""
        if self.backend == "process":
            return [str(process) for process in psutil.process_iter() if str(self.state) in _traces(process)]
        engine = docker.from_env()
        things = [*engine.containers.list(all=True), *engine.networks.list()]
        return [str(thing.name) for thing in things if str(thing.name).startswith(f"isvc-{self.project}-")]


def _traces(process: psutil.Process) -> str:
    try:
        return " ".join([*process.cmdline(), process.cwd(), *(f.path for f in process.open_files())])
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return ""


def _numbers(cells: list[str]) -> tuple[int, int]:
    """PID and restarts; a unit that does not run has no PID."""
    return (int(cells[0]), int(cells[1])) if len(cells) == 2 and cells[1].isdigit() else (0, int(cells[0]))


def curl(stack: Stack, name: str, path: str, *words: str) -> tuple[int, Any]:
    """The status and the JSON body that curl gets from the ingress for the service called `name`."""
    url = f"http://{stack.address(name)}{path}"
    return curl_at(url, stack.host(name), *words)


def curl_at(url: str, host: str, *words: str) -> tuple[int, Any]:
    command = ["curl", "-s", "--max-time", "30", "-w", "\n%{http_code}", "-H", f"Host: {host}", url, *words]
    body, _, status = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition("\n")
    return int(status), json.loads(body) if body.startswith(("{", "[")) else body


def picture(name: str) -> bytes:
    """The raw bytes of the picture in the example's input.json."""
    return base64.b64decode(json.loads(INPUTS[name].read_text())["instances"][0]["image"]["b64"])
