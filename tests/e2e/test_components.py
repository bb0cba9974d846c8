"""What a component's fields ask for, on both backends: one project, a service for each, small servers of our own."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.stack import ROOT, Stack

pytestmark = pytest.mark.e2e

OWN = "{name: kserve-container, image: test/own, command: [python, server.py], args: [%s]%s}"
SETTINGS = f"""
storage: {{gs://test/: {ROOT}/models/bucket/models/torchserve/}}
images: {{test/own: {ROOT}/tests/e2e/own}}
"""
OTHERS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: inferenceservice-config, namespace: kserve}
data: {ingress: '{"pathTemplate": "/serving/{{ .Namespace }}/{{ .Name }}"}'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: words}
data: {greeting: hello, labels.txt: "ant\\nbee"}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {token: hush-hush, key: very-quiet}
"""
FILES = """{
  volumes: [
    {name: w, configMap: {name: words, items: [{key: labels.txt, path: below/labels.txt}]}},
    {name: k, secret: {secretName: keys}}],
  containers: [{name: kserve-container, image: test/own, command: [python, server.py],
    args: [--show=/etc/words/below/labels.txt, --show, /run/keys/token],
    volumeMounts: [{name: w, mountPath: /etc/words}, {name: k, mountPath: /run/keys}],
    env: [
      {name: GREETING, valueFrom: {configMapKeyRef: {name: words, key: greeting}}},
      {name: TOKEN, valueFrom: {secretKeyRef: {name: keys, key: token}}}],
    envFrom: [{prefix: ALL_, secretRef: {name: keys}}]}]}"""


def _own(*args: str, more: str = "") -> str:
    return OWN % (", ".join(args), more)


def _predictor(*args: str, fields: str = "") -> str:
    return f"predictor: {{{fields} containers: [{_own(*args)}]}}"


def _transformer(*args: str, env: str = "") -> str:
    return f"transformer: {{containers: [{_own(*args, more=f', env: [{env}]' if env else '')}]}}"


URI = "{name: STORAGE_URI, value: gs://test/image_classifier/v1/config}"
SINK = "logger: {mode: all, url: 'http://message-dumper.default/'},"
SERVICES = {
    "files": (f"predictor: {FILES}", ""),
    "several": (_predictor("--name=p", fields="minReplicas: 3,"), ""),
    "slow": (_predictor("--delay=3", fields="timeout: 1,"), ""),
    "one": (_predictor("--delay=0.2", fields="containerConcurrency: 1,"), ""),
    "batch": (_predictor(fields="batcher: {maxBatchSize: 4, maxLatency: 5000},"), ""),
    "logged": (_predictor(fields=SINK), ", annotations: {team: flowers}"),
    "shared": (
        f"{_predictor('--name=stable')}, canary: [{{trafficPercent: 20, predictor: {{name: next, containers: "
        f"[{_own('--name=canary')}]}}}}]",
        ", annotations: {serving.kserve.io/deploymentMode: Standard}",
    ),
    "first": (f"{_predictor(fields='minReplicas: 2,')}, {_transformer('--name=a', env=URI)}", ""),
    "second": (f"{_predictor()}, {_transformer('--name=b')}", ""),
    "halted": (_predictor(), ", annotations: {serving.kserve.io/stop: 'true'}"),
}


def _yaml(name: str, metadata: str | None = None) -> str:
    spec, written = SERVICES[name]
    metadata = written if metadata is None else metadata
    return (
        "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\n"
        f"metadata: {{name: {name}{metadata}}}\nspec: {{{spec}}}\n---\n"
    )


@dataclass(frozen=True)
class Components:
    stack: Stack
    folder: Path
    port: int

    def post(self, name: str, instances: Any = (1,), host: str = "", path: str = "") -> tuple[int, Any]:
        """The status and the body with which the service called `name` answers a V1 prediction."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            headers = {"Host": host or f"{name}.default.example.com", "Content-Type": "application/json"}
            body = json.dumps({"instances": list(instances)})
            connection.request("POST", path or f"/v1/models/{name}:predict", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            is_json = (answer.headers.get("Content-Type") or "").startswith("application/json")
            return answer.status, json.loads(text) if is_json else text.decode()
        finally:
            connection.close()

    def told(self, name: str, **more: Any) -> dict[str, Any]:
        status, body = self.post(name, **more)
        assert status == 200, body
        return dict(body["told"])

    def up(self, text: str, port: int | None = None) -> None:
        file = self.folder / "services.yaml"
        file.write_text(text)
        words: list[object] = [file, "--backend", self.stack.backend, "--settings", self.folder / "isvc.yaml"]
        self.stack.isvc("up", *words, *([] if port is None else ["--ingress-port", port]), timeout=600)


@pytest.fixture(scope="module")
def components(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Components]:
    folder = tmp_path_factory.mktemp("components")
    stack = Stack(folder / "state", backend, f"e2e-components-{backend}-{folder.name[-6:].strip('_-')}")
    (folder / "isvc.yaml").write_text(SETTINGS)
    made = Components(stack, folder, 0)
    try:
        made.up("".join(map(_yaml, SERVICES)) + OTHERS, port=0)
        yield Components(stack, folder, int(stack.environment("files")["INGRESS_PORT"]))
    finally:
        stack.isvc("down", "--volumes")


def test_config_maps_and_secrets_are_files_and_variables(components: Components) -> None:
    told = components.told("files")
    words, token = told["shown"]
    assert words == {"text": "ant\nbee", "mode": "0o444", "writable": words["writable"]}
    assert token == {"text": "hush-hush", "mode": "0o400", "writable": token["writable"]}
    if components.stack.backend == "compose":  # elsewhere the user who runs the tests may be root, whom no mode stops
        assert not words["writable"]
        assert not token["writable"]
    assert told["environment"] == {
        "STORAGE_URI": None, "GREETING": "hello", "TOKEN": "hush-hush", "ALL_key": "very-quiet"
    }  # fmt: skip


def test_no_secret_is_shown(components: Components) -> None:
    components.told("files")
    file = components.folder / "services.yaml"
    settings = ["--settings", components.folder / "isvc.yaml"]
    for words in ([file, *settings], [file, *settings, "-o", "json"]):
        shown = components.stack.isvc("explain", *words).stdout
        assert "TOKEN" in shown
        assert "hello" in shown
        assert "hush-hush" not in shown
        assert "very-quiet" not in shown
    for command in (["get", "-o", "wide"], ["get", "-o", "yaml"], ["logs"]):
        shown = components.stack.isvc(*command).stdout
        assert "hush-hush" not in shown
        assert "very-quiet" not in shown


def test_as_many_instances_run_as_min_replicas_says(components: Components) -> None:
    seen = Counter(components.told("several")["me"] for _ in range(30))
    # In turn; routes that are loaded anew meanwhile begin their turn anew.
    assert len(seen) == 3
    assert min(seen.values()) >= 7


def test_a_dead_instance_costs_no_request(components: Components) -> None:
    before = {components.told("several")["me"] for _ in range(9)}
    components.stack.kill("several-predictor-2")
    answers = [components.post("several")[0] for _ in range(30)]
    # One that was on its way to the dying instance may fail; none after it.
    assert Counter(answers)[200] >= 29, answers
    assert len(before) == 3


def test_a_transformer_reaches_every_instance_of_its_predictor(components: Components) -> None:
    told = [components.told("first") for _ in range(12)]
    assert sorted(Counter(one["behind"] for one in told).values()) == [6, 6]  # in turn, a connection each


def test_a_request_that_takes_too_long_is_answered_504(components: Components) -> None:
    assert components.post("slow")[0] == 504


def test_no_more_requests_at_once_than_the_container_may_have(components: Components) -> None:
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: components.told("one"), range(4)))
    assert {one["together"] for one in told} == {1}


def test_a_canary_gets_its_share(components: Components) -> None:
    seen = Counter(components.told("shared", host="shared-default.example.com")["name"] for _ in range(200))
    # Were every request drawn by itself, 200 of them would give 40 canaries with a deviation of 5.7.
    assert abs(seen["canary"] - 40) <= 17
    assert seen["canary"] + seen["stable"] == 200


def test_the_batcher_puts_requests_together(components: Components) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: components.post("batch", [number]), range(4)))
    assert {status for status, _ in answers} == {200}
    assert [body["predictions"] for _, body in answers] == [[0], [1], [2], [3]]
    assert len({body["batchId"] for _, body in answers}) == 1


def test_the_logger_tells_of_requests_and_answers(components: Components) -> None:
    assert components.post("logged", [7])[0] == 200
    request, answer = _events(components)[-2:]
    assert request["type"] == "org.kubeflow.serving.inference.request"
    assert answer["type"] == "org.kubeflow.serving.inference.response"
    assert request["id"] == answer["id"]
    assert request["data"] == {"instances": [7]}
    assert answer["data"]["predictions"] == [7]
    for event in (request, answer):
        assert event["specversion"] == "1.0"
        assert (event["inferenceservicename"], event["namespace"]) == ("logged", "default")
        assert (event["component"], event["endpoint"]) == ("predictor", "/v1/models/logged:predict")


def _events(components: Components) -> list[dict[str, Any]]:
    """What the sink shows, once it has shown the answer: events are on their way after it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        lines = components.stack.isvc("logs", "logged-message-dumper").stdout.splitlines()
        found = [json.loads(line.partition(" | ")[2]) for line in lines if '"specversion"' in line]
        if len(found) >= 2 and found[-1]["type"].endswith("response"):
            return found
    pytest.fail(f"the sink shows {lines}")


def test_two_transformers_stand_in_one_namespace_one_with_a_model_of_its_own(components: Components) -> None:
    first, second = components.told("first"), components.told("second")
    assert (first["name"], second["name"]) == ("a", "b")
    assert first["behind"] != second["behind"]
    assert first["environment"]["STORAGE_URI"].endswith("models")
    assert second["environment"]["STORAGE_URI"] is None


def test_below_its_path_the_domain_leads_to_the_service(components: Components) -> None:
    path = "/v1/models/second:predict"
    told = components.told("second", host="example.com", path=f"/serving/default/second{path}")
    assert told["path"] == path


def test_stop_ends_what_runs_and_start_brings_it_back(components: Components) -> None:
    def runs() -> bool:
        return any(name.startswith("halted") and row.pid for name, row in components.stack.units().items())

    assert not runs()
    assert components.post("halted")[0] == 404
    conditions = components.stack.get()["halted"]["status"]["conditions"]
    assert {"type": "Stopped", "status": "True", "severity": "Info"} in conditions
    components.up(_yaml("halted", "") + OTHERS)
    assert components.told("halted")["name"] == "server"
    components.up(_yaml("halted") + OTHERS)
    assert not runs()
    assert components.post("halted")[0] == 404
    assert components.told("second")["name"] == "b"
