"""A user's program, run as its own process."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.modelapi.rest_witness import Witness, serving
from modelapi import InferOutput, InferRequest, InferResponse, Model, ModelRepository
from modelapi.config import ServerConfig
from modelapi.dataplane import DataPlane
from modelapi.server.run import Servers

PROGRAM = """
import argparse, asyncio, os, sys, threading, time
from modelapi import Model, ModelServer, errors, model_server

class Slow(Model):
    def __init__(self, name):
        super().__init__(name)
        self.lock = threading.Lock()  # no model that has one can be pickled

    async def predict(self, payload, headers=None, response_headers=None):
        print("entered", flush=True)
        await asyncio.sleep(payload.get("seconds", 0))
        answer = {"predictions": payload["instances"]}
        if payload.get("break"):
            asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        return {**answer, **await self.facts()} if payload.get("who") else answer

    async def facts(self):
        def work():
            time.sleep(0.02)
            return threading.get_ident()

        loop = asyncio.get_running_loop()
        threads = await asyncio.gather(*(asyncio.to_thread(work) for _ in range(9)))
        return {
            "pid": os.getpid(),
            "predictor": self.predictor_host,
            "loop": type(loop).__module__.partition(".")[0],
            "threads": len(set(threads)),
        }

class Never(Model):
    def load(self):
        return False

parser = argparse.ArgumentParser(parents=[model_server.parser])
parser.add_argument("--never", action="store_true")
parser.add_argument("--watch-loop", action="store_true")
args, _ = parser.parse_known_args()

if __name__ == "__main__":
    server = ModelServer()
    if args.watch_loop:
        server.register_exception_handler(lambda loop, context: print("caught", context["exception"], flush=True))
    server.start([(Never if args.never else Slow)(args.model_name)])
"""
WAIT_SECONDS = 30


class Program:
    """The running program and what it wrote."""

    def __init__(self, folder: Path, *flags: str, **environment: str) -> None:
        (folder / "model.py").write_text(PROGRAM)
        ports = ["--http_port", "0", "--grpc_port", "0"] if "--http_port" not in flags else []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "model", *ports, *flags],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._grown = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._grown:
                self.lines.append(line.rstrip())
                self._grown.notify_all()
        with self._grown:
            self._grown.notify_all()

    def wait_for(self, pattern: str) -> str:
        """The first line that matches, waiting for it."""
        with self._grown:
            found = self._grown.wait_for(
                lambda: self._match(pattern) or not self._reader.is_alive(), timeout=WAIT_SECONDS
            )
        line = self._match(pattern)
        assert found, f"no line like {pattern!r} within {WAIT_SECONDS} s: {self.lines}"
        assert line, f"the program ended without a line like {pattern!r}: {self.lines}"
        return line

    def _match(self, pattern: str) -> str | None:
        return next((line for line in list(self.lines) if re.search(pattern, line)), None)

    @property
    def port(self) -> int:
        return int(self.wait_for(r"REST on .*:\d+").rsplit(":", 1)[1])

    def predict(self, payload: Any, model: str = "m", **headers: str) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/models/{model}:predict",
            data=json.dumps(payload).encode(),
            headers={"content-type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=WAIT_SECONDS) as answer:
            text: str = answer.read().decode()
            return text

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it, and wait for its end."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(WAIT_SECONDS)
        self._reader.join(WAIT_SECONDS)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the test's certificate")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = ["-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(["openssl", "req", "-x509", *made, *subject], check=True, capture_output=True, timeout=60)
    return cert, key


class Echo(Model):
    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        if not isinstance(payload, InferRequest):
            return {"predictions": payload["instances"]}
        outputs = [InferOutput(t.name, t.shape, t.datatype, t.as_numpy()) for t in payload.inputs]
        return InferResponse(payload.id, self.name, outputs)


@pytest.fixture
async def tls_servers(certificate: tuple[Path, Path]) -> AsyncIterator[Servers]:
    """Both servers with TLS, and a model `echo`."""
    repository = ModelRepository()
    echo = Echo("echo")
    echo.load()
    repository.update(echo)
    cert, key = map(str, certificate)
    running = Servers(ServerConfig(http_port=0, grpc_port=0, ssl_certfile=cert, ssl_keyfile=key), DataPlane(repository))
    await running.start()
    yield running
    await running.stop(1)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    programs: list[Program] = []

    def run(*flags: str, **environment: str) -> Program:
        programs.append(Program(tmp_path, *flags, **environment))
        return programs[-1]

    yield run
    for program in programs:
        program.close()


@pytest.fixture
async def witness() -> AsyncIterator[Witness]:
    async with serving() as listening:
        yield listening
