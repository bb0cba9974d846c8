"""A workspace of its own for each test: settings, a build folder with a small server, YAML; and `isvc` run in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

LIMIT = 60
"""Seconds for one command; it has bounds of its own that are shorter."""

BUCKET = Path(__file__).parents[3] / "models/bucket/models/torchserve"

SERVER = '''
"""A server that answers every POST with its own name; it ends at once when --fail is given."""
import argparse, http.server, json, pathlib, sys

parser = argparse.ArgumentParser()
parser.add_argument("--http_port", type=int, required=True)
parser.add_argument("--name", default="server")
parser.add_argument("--fail")
parser.add_argument("--status", type=int, default=200)
args, _ = parser.parse_known_args()
if args.fail:
    sys.exit(args.fail)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(args.status)

    def answer(self, status):
        body = json.dumps({"predictions": [args.name]}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


print("listening", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", args.http_port), Handler).serve_forever()
'''

YAML = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: {name}
spec:
  predictor:
    model:
      modelFormat: {{name: pytorch}}
      storageUri: gs://test/{model}
  transformer:
    containers:
      - name: kserve-container
        image: test/server
        command: [python, server.py]
        args: [--model_name, mnist, {transformer}]
"""


@dataclass(frozen=True)
class Workspace:
    folder: Path

    def service(self, name: str = "demo", model: str = "image_classifier/v1", transformer: str = "--name=t") -> str:
        """Writes the YAML of a service; its file."""
        file = self.folder / f"{name}.yaml"
        file.write_text(YAML.format(name=name, model=model, transformer=transformer))
        return file.name

    def isvc(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self._command(arguments), cwd=self.folder, capture_output=True, text=True, timeout=LIMIT)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        output = subprocess.PIPE
        return subprocess.Popen(self._command(arguments), cwd=self.folder, stdout=output, stderr=output, text=True)

    def up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.isvc("up", *arguments, "--backend", "process", "--ingress-port", "0", "--timeout", "30")

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for a stack of this workspace, by the mark in its environment or its arguments."""
        return [process for process in psutil.process_iter() if self._owns(process)]

    def _owns(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                return False
            mark = process.environ().get("ISVC_STACK", "")
            return mark.startswith(str(self.folder)) or str(self.folder / ".isvc") in " ".join(process.cmdline())
        except psutil.Error:
            return False

    @staticmethod
    def _command(arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "isvc", *arguments]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "server.py").write_text(SERVER)
    (tmp_path / "isvc.yaml").write_text(f"images: {{test/server: server/}}\nstorage: {{gs://test/: {BUCKET}}}\n")
    (tmp_path / "input.json").write_text('{"instances": [[1.0]]}')
    workspace = Workspace(tmp_path)
    yield workspace
    workspace.isvc("down", "--all")
    left = workspace.processes()
    for process in left:
        process.send_signal(signal.SIGKILL)
    assert not left, "`isvc down` left processes"
