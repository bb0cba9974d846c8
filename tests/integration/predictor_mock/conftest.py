"""A predictor-mock as its users start it: a process of its own, on free ports."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BUCKET = ROOT / "models/bucket/models"
SECONDS = 60

_LISTENING = re.compile(r"(REST|gRPC) on (127\.0\.0\.1:\d+)")


@dataclass
class Running:
    """A started predictor-mock: where it listens, and what it has said so far."""

    process: subprocess.Popen[str]
    addresses: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    @property
    def rest(self) -> str:
        return self.addresses["REST"]

    @property
    def grpc(self) -> str:
        return self.addresses["gRPC"]

    @property
    def log(self) -> str:
        return "".join(self.lines)

    def stop(self) -> int:
        """Ends it as an operator does; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


Start = Callable[..., Running]


def started(*arguments: str) -> Running:
    """Starts one and waits until both of its ports are open, `SECONDS` at most."""
    command = [sys.executable, "-m", "predictor_mock.cli", "--http_port=0", "--grpc_port=0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    running, listening = Running(process), threading.Event()

    def read() -> None:
        assert process.stderr is not None
        with process.stderr as stderr:
            for line in stderr:
                running.lines.append(line)
                if found := _LISTENING.search(line):
                    running.addresses[found[1]] = found[2]
                    if len(running.addresses) == 2:
                        listening.set()
        listening.set()  # it ended

    threading.Thread(target=read, daemon=True).start()
    if not listening.wait(SECONDS) or len(running.addresses) < 2:
        process.kill()
        process.wait(SECONDS)
        pytest.fail(f"predictor-mock did not open both ports within {SECONDS} s:\n{running.log}")
    return running


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts predictor-mocks that end with the test."""
    all_of_them: list[Running] = []

    def start(*arguments: str) -> Running:
        all_of_them.append(started(*arguments))
        return all_of_them[-1]

    yield start
    for running in all_of_them:
        running.stop()


@pytest.fixture(scope="module")
def mnist() -> Iterator[Running]:
    """The TorchServe sample, served."""
    running = started("--model_dir", str(BUCKET / "torchserve/image_classifier/v1"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def cifar10() -> Iterator[Running]:
    """The Triton sample, served."""
    running = started("--model_dir", str(BUCKET / "torchscript"))
    yield running
    running.stop()
