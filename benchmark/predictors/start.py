"""Starts the predictor of a run."""

import os
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmark.environments import EnvironmentFailed, Say
from benchmark.predictors import triton
from benchmark.processes import Server, free_ports, running, wait_ready

MODEL = "picture"
REAL = "Triton"
REPOSITORY = Path(__file__).with_name("repository")


@dataclass(frozen=True)
class Predictor:
    """A running predictor: what it is, and its addresses."""

    kind: str
    server: Server
    rest: str
    grpc: str

    def address(self, hop: str) -> str:
        return self.grpc if hop == "grpc-v2" else self.rest


@contextmanager
def real_or_mock(scratch: Path, say: Say, real: bool = True) -> Iterator[Predictor]:
    """Triton if it can run here; otherwise predictor-mock, and the reason is said."""
    reason = triton.unsupported() if real else "asked for"
    if reason is None:
        try:
            triton.environment(say)
        except EnvironmentFailed as exc:
            reason = str(exc)
    if reason is not None:
        say(f"the predictor is predictor-mock: {reason}")
        with mock(scratch) as predictor:
            yield predictor
        return
    repository = shutil.copytree(REPOSITORY, scratch / "repository")
    http_port, grpc_port = free_ports(2)
    command = triton.command(repository, http_port, grpc_port)
    with running("triton", command, os.environ, scratch / "triton.log", scratch) as server:
        yield _ready(REAL, server, http_port, grpc_port)


@contextmanager
def mock(scratch: Path) -> Iterator[Predictor]:
    """predictor-mock, which also speaks V1."""
    http_port, grpc_port = free_ports(2)
    command = [
        *(sys.executable, "-m", "predictor_mock.cli", "--model_dir", str(REPOSITORY), "--model_name", MODEL),
        *("--http_port", str(http_port), "--grpc_port", str(grpc_port)),
    ]
    with running("predictor-mock", command, os.environ, scratch / "predictor-mock.log", scratch) as server:
        yield _ready("predictor-mock", server, http_port, grpc_port)


def _ready(kind: str, server: Server, http_port: int, grpc_port: int) -> Predictor:
    rest = f"127.0.0.1:{http_port}"
    wait_ready(server, lambda: answers(f"http://{rest}/v2/models/{MODEL}/ready"))
    return Predictor(kind, server, rest, f"127.0.0.1:{grpc_port}")


def answers(url: str) -> bool:
    """Whether a GET is answered with a 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  # http on the loopback address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
