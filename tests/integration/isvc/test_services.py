"""Whole services of many shapes, run as processes and called through the ingress."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from integration.isvc.conftest import Workspace

SERVER = '''
"""Answers a POST with who it is and what it was told; --delay seconds late."""
import argparse, http.server, json, os, sys, time

parser = argparse.ArgumentParser()
parser.add_argument("--http_port", type=int, required=True)
parser.add_argument("--name", default="server")
parser.add_argument("--delay", type=float, default=0)
args, _ = parser.parse_known_args()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer({"path": self.path})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.together = getattr(self.server, "together", 0) + 1
        together = self.server.together
        time.sleep(args.delay)
        self.server.together -= 1
        told = {"together": together, "name": args.name, "pid": os.getpid(), "argv": sys.argv[1:], "path": self.path}
        told["uri"] = os.environ.get("STORAGE_URI", "")
        self.answer({"predictions": body["instances"], "told": told})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", args.http_port), Handler).serve_forever()
'''
SERVICE = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {{name: {name}{metadata}}}
spec: {spec}
---
"""
OWN = "{name: kserve-container, image: test/own, command: [python, server.py], args: [%s]}"
PREDICTOR = f"predictor: {{containers: [{OWN % '--name=p'}]}}"


@pytest.fixture
def own(workspace: Workspace) -> Workspace:
    """The workspace with a server that tells what it was told."""
    (workspace.folder / "own").mkdir()
    (workspace.folder / "own/server.py").write_text(SERVER)
    settings = workspace.folder / "isvc.yaml"
    settings.write_text(settings.read_text().replace("images: {", "images: {test/own: own/, "))
    return workspace


def _up(own: Workspace, spec: str, metadata: str = "", name: str = "demo", before: str = "") -> None:
    file = own.folder / "demo.yaml"
    file.write_text(before + SERVICE.format(name=name, metadata=metadata, spec=f"{{{spec}}}"))
    done = own.up("demo.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def _port(own: Workspace) -> int:
    lines = own.isvc("get", "demo", "-o", "env").stdout.splitlines()
    return int(next(line for line in lines if line.startswith("INGRESS_PORT=")).partition("=")[2])


def _post(port: int, host: str, path: str = "/v1/models/demo:predict", instances: Any = (1,)) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        body = json.dumps({"instances": list(instances)})
        connection.request("POST", path, body, {"Host": host, "Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        is_json = (answer.headers.get("Content-Type") or "").startswith("application/json")
        return answer.status, json.loads(text) if is_json else text.decode()
    finally:
        connection.close()


HOST = "demo.default.example.com"


def test_what_explain_shows_is_what_runs(own: Workspace) -> None:
    transformer = OWN.replace("kserve-container", "t") % "--name=t"
    _up(own, f"{PREDICTOR}, transformer: {{containerConcurrency: 1, containers: [{transformer}]}}")
    (told,) = json.loads(own.isvc("explain", "demo.yaml", "-o", "json").stdout)
    shown = {unit["name"]: unit for unit in told["units"] if unit["addresses"]}
    assert sorted(shown) == ["demo-predictor", "demo-transformer"]
    running = [(one.cmdline(), one.environ(), one.cwd()) for one in own.processes()]
    for unit in shown.values():
        argv = unit["argv"][1:]  # the interpreter is found when it starts
        (process,) = [one for one in running if one[0][1:] == argv]
        assert {name: process[1].get(name) for name in unit["environment"]} == unit["environment"]
        assert process[2] == str(own.folder / "own")
    rows = [row for container in told["containers"] for row in container["rows"] if row["kind"] == "argument"]
    injected = {row["name"]: row for row in rows if row["kserve"] and not row["yaml"]}
    assert list(injected) == ["--model_name", "--predictor_host", "--http_port", "--workers"]
    assert all(row["source"].endswith("transformer_custom.go") for row in injected.values())
    assert injected["--predictor_host"]["here"].endswith(shown["demo-predictor"]["addresses"]["http"])
    assert injected["--predictor_host"]["deviation"]


def test_a_collocated_pair_is_reached_through_its_transformer(own: Workspace) -> None:
    model = OWN % "--name=p, --http_port=8085"
    transformer = OWN.replace("kserve-container", "transformer-container")
    transformer %= "--name=t, '--predictor_host=localhost:8085'"
    _up(own, f"predictor: {{containers: [{model}, {transformer}]}}")
    status, body = _post(_port(own), HOST)
    assert (status, body["told"]["name"]) == (200, "t")
    (host,) = [word for word in body["told"]["argv"] if word.startswith("--predictor_host=")]
    address, _, number = host.partition("=")[2].partition(":")
    assert address == "127.0.0.1"
    assert _post(int(number), "x")[1]["told"]["name"] == "p"


def test_a_cluster_local_service_has_only_its_inner_name(own: Workspace) -> None:
    _up(own, PREDICTOR, ", labels: {networking.knative.dev/visibility: cluster-local}")
    port = _port(own)
    assert _post(port, HOST)[0] == 404
    assert _post(port, "demo.default.svc.cluster.local")[0] == 200
