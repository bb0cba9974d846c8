"""A control plane as a user has it: `isvc serve` in a project of its own, and kubectl with the project's kubeconfig."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from e2e.stack import ISVC, ROOT, Stack

_STARTS = 30.0


@dataclass
class Plane:
    stack: Stack
    folder: Path = ROOT
    """Where it is started: the nearest isvc.yaml is the settings."""
    real: str = "0"
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self) -> None:
        words = ["--project", self.stack.project, "--state-dir", str(self.stack.state), "--ingress-port", "0"]
        argv = [str(ISVC), "serve", *words, "--backend", self.stack.backend, "--real", self.real]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(argv, cwd=self.folder, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "KUBECONFIG=" in line:
                return
        pytest.fail(f"isvc serve ended as it started\n{self.log.read_text()}", pytrace=False)

    @property
    def log(self) -> Path:
        self.stack.state.mkdir(parents=True, exist_ok=True)
        return self.stack.state / "serve.log"

    def kill(self) -> None:
        """As a crash would: without a warning."""
        assert self._process is not None
        self._process.kill()
        self._ended()

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._ended()

    def _ended(self) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        code = self._process.wait(timeout=30)
        self._process.stdout.close()
        return code

    @property
    def environment(self) -> dict[str, str]:
        """With a home of its own, so that the user's kubeconfig and kubectl's cache stay out of it."""
        home = self.stack.state / "home"
        home.mkdir(parents=True, exist_ok=True)
        config = self.stack.isvc("kubeconfig", "--path").stdout.strip()
        return {**os.environ, "KUBECONFIG": config, "HOME": str(home)}

    def kubectl(self, *words: object, check: bool = True, timeout: float = 60) -> str:
        """Standard output of kubectl; with `check` false, of one that failed its standard error."""
        done = subprocess.run(
            [kubectl(), *map(str, words)],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        if check and done.returncode:
            pytest.fail(f"kubectl {' '.join(map(str, words))}\n{done.stdout}{done.stderr}", pytrace=False)
        return done.stdout if not done.returncode else done.stderr

    def popen(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen([kubectl(), *words], cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True)

    def get(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", "isvc", name, "-o", "json"))
        return found

    def wait_ready(self, name: str, timeout: int = 90) -> None:
        self.kubectl("wait", "--for=condition=Ready", f"inferenceservice/{name}", f"--timeout={timeout}s", timeout=120)

    def end(self) -> None:
        """Nothing of it is left running, whatever a test has left."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        self.stack.isvc("down", "--volumes")


def kubectl() -> str:
    """The machine's own. In CI a missing one is a failure."""
    found = shutil.which("kubectl")
    if found is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("there is no kubectl on PATH")
    return str(found)


def until(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:g} s for {what}")
        time.sleep(0.1)


LIGHT = """
import http.server
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(sys.argv[1].encode())

    def log_message(self, *words):
        pass


port = int(sys.argv[sys.argv.index("--http_port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
"""A predictor that starts in no time and answers its first argument."""


def light_checkout(folder: Path) -> None:
    """`LIGHT` in `light/`, and an isvc.yaml by which it stands for the image test/light."""
    (folder / "light").mkdir()
    (folder / "light/model.py").write_text(LIGHT)
    (folder / "isvc.yaml").write_text("images:\n  test/light: light/\n")


def light_service(name: str, word: str, namespace: str = "default") -> dict[str, Any]:
    """The InferenceService that answers `word`."""
    container = {"name": "kserve-container", "image": "test/light:1", "command": ["python", "model.py"], "args": [word]}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"predictor": {"containers": [container]}},
    }
