"""Whole services of many shapes, run as processes and called through the ingress."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
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


def test_a_transformer_gets_a_model_of_its_own(own: Workspace) -> None:
    uri = "env: [{name: STORAGE_URI, value: gs://test/image_classifier/v1/config}], "
    transformer = (OWN % "--name=t").replace("{name", f"{{{uri}name")
    _up(own, f"{PREDICTOR}, transformer: {{containers: [{transformer}]}}")
    _, body = _post(_port(own), HOST)
    assert (Path(body["told"]["uri"]) / "config.properties").is_file()


def test_two_transformers_stand_in_one_namespace(own: Workspace) -> None:
    def spec(name: str) -> str:
        return f"{{{PREDICTOR}, transformer: {{containers: [{OWN % f'--name={name}'}]}}}}"

    other = SERVICE.format(name="other", metadata="", spec=spec("b"))
    (own.folder / "input.json").unlink()
    _up(own, spec("a")[1:-1], before=other)
    port = _port(own)
    assert _post(port, HOST)[1]["told"]["name"] == "a"
    assert _post(port, "other.default.example.com")[1]["told"]["name"] == "b"


def test_as_many_instances_run_as_min_replicas_says(own: Workspace) -> None:
    _up(own, PREDICTOR.replace("{containers", "{minReplicas: 3, containers"))
    port = _port(own)
    seen = Counter(_post(port, HOST)[1]["told"]["pid"] for _ in range(30))
    assert sorted(seen.values()) == [10, 10, 10]
    psutil.Process(next(iter(seen))).kill()
    assert {_post(port, HOST)[0] for _ in range(10)} <= {200, 502, 503}


def test_a_request_that_takes_too_long_is_answered_504(own: Workspace) -> None:
    (own.folder / "input.json").unlink()
    spec = PREDICTOR.replace("{containers", "{timeout: 1, containers").replace("--name=p", "--delay=3")
    _up(own, spec)
    assert _post(_port(own), HOST)[0] == 504


def test_no_more_requests_at_once_than_the_container_may_have(own: Workspace) -> None:
    spec = PREDICTOR.replace("{containers", "{containerConcurrency: 1, containers")
    _up(own, spec.replace("--name=p", "--delay=0.2"))
    port = _port(own)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: _post(port, HOST), range(4)))
    assert [status for status, _ in answers] == [200] * 4
    assert {body["told"]["together"] for _, body in answers} == {1}


def test_a_canary_gets_its_share(own: Workspace) -> None:
    canary = f"canary: [{{trafficPercent: 20, predictor: {{name: next, containers: [{OWN % '--name=canary'}]}}}}]"
    _up(own, f"{PREDICTOR}, {canary}", ", annotations: {serving.kserve.io/deploymentMode: Standard}")
    port = _port(own)
    seen = Counter(_post(port, "demo-default.example.com")[1]["told"]["name"] for _ in range(200))
    # Were every request drawn by itself, 200 of them would give 40 canaries with a deviation of 5.7.
    assert abs(seen["canary"] - 40) <= 17
    assert seen["canary"] + seen["p"] == 200


def test_the_logger_tells_of_requests_and_answers(own: Workspace) -> None:
    logger = "logger: {mode: all, url: 'http://message-dumper.default/'}"
    _up(own, PREDICTOR.replace("{containers", f"{{{logger}, containers"), ", annotations: {team: flowers}")
    assert _post(_port(own), HOST, instances=[7])[0] == 200
    events = _events(own)
    request, answer = events[-2:]
    assert request["type"] == "org.kubeflow.serving.inference.request"
    assert answer["type"] == "org.kubeflow.serving.inference.response"
    assert request["id"] == answer["id"]
    assert request["data"] == {"instances": [7]}
    assert answer["data"]["predictions"] == [7]
    for event in (request, answer):
        assert event["specversion"] == "1.0"
        assert (event["inferenceservicename"], event["namespace"]) == ("demo", "default")
        assert (event["component"], event["endpoint"]) == ("predictor", "/v1/models/demo:predict")


def _events(own: Workspace) -> list[dict[str, Any]]:
    """What the sink shows, once it has shown the last request: events are on their way after the answer."""
    for _ in range(100):
        lines = own.isvc("logs", "demo-message-dumper").stdout.splitlines()
        found = [json.loads(line.partition(" | ")[2]) for line in lines if '"specversion"' in line]
        if len(found) >= 4 and found[-1]["type"].endswith("response"):  # the warm-up's two, then these
            return found
    pytest.fail(f"the sink shows {lines}")


def test_the_batcher_puts_requests_together(own: Workspace) -> None:
    (own.folder / "input.json").unlink()
    _up(own, PREDICTOR.replace("{containers", "{batcher: {maxBatchSize: 4, maxLatency: 3000}, containers"))
    port = _port(own)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: _post(port, HOST, instances=[number]), range(4)))
    assert {status for status, _ in answers} == {200}
    assert [body["predictions"] for _, body in answers] == [[0], [1], [2], [3]]
    assert len({body["batchId"] for _, body in answers}) == 1


def test_a_cluster_local_service_has_only_its_inner_name(own: Workspace) -> None:
    _up(own, PREDICTOR, ", labels: {networking.knative.dev/visibility: cluster-local}")
    port = _port(own)
    assert _post(port, HOST)[0] == 404
    assert _post(port, "demo.default.svc.cluster.local")[0] == 200


def test_below_its_path_the_domain_leads_to_the_service(own: Workspace) -> None:
    config = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: inferenceservice-config, namespace: kserve}\n"
        """data: {ingress: '{"pathTemplate": "/serving/{{ .Namespace }}/{{ .Name }}"}'}\n---"""
    )
    _up(own, PREDICTOR, before=config)
    status, body = _post(_port(own), "example.com", "/serving/default/demo/v1/models/demo:predict")
    assert (status, body["told"]["path"]) == (200, "/v1/models/demo:predict")


def test_stop_ends_what_runs_and_start_brings_it_back(own: Workspace) -> None:
    _up(own, PREDICTOR)
    assert any("server.py" in " ".join(one.cmdline()) for one in own.processes())
    _up(own, PREDICTOR, ", annotations: {serving.kserve.io/stop: 'true'}")
    assert not any("server.py" in " ".join(one.cmdline()) for one in own.processes())
    conditions = json.loads(own.isvc("get", "demo", "-o", "json").stdout)["status"]["conditions"]
    assert {"type": "Stopped", "status": "True", "severity": "Info"} in conditions
    _up(own, PREDICTOR)
    assert _post(_port(own), HOST)[0] == 200
