"""A real kubectl, whichever this machine has, against the API alone: what people have in their fingers."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from integration.isvc_server.apiserver import ApiServer, service
from isvc.server import namespaces
from isvc.server.resources import EVENTS, INFERENCE_SERVICES, Object

TIMEOUT = 60
YAML = Path(__file__).parents[3] / "examples" / "torch-transformer" / "transformer-new.yaml"
NAME = "torch-transformer"
CREATED = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Kubectl = Callable[..., Coroutine[Any, Any, Said]]


@pytest.fixture
def kubectl(api: ApiServer, tmp_path: Path) -> Kubectl:
    """Fails where there is no kubectl: in CI there has to be one."""
    program = shutil.which("kubectl")
    assert program, "there is no kubectl here; on Debian it is in the package kubernetes-client"
    environment = {**os.environ, "KUBECONFIG": str(api.kubeconfig), "HOME": str(tmp_path)}

    async def run(*arguments: str, stdin: str = "", fails: bool = False) -> Said:
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), TIMEOUT)
        said = Said(process.returncode or 0, out.decode(), err.decode())
        assert (said.code != 0) is fails, f"kubectl {' '.join(arguments)}: {said}"
        return said

    return run


async def test_apply_get_and_delete_say_what_they_say_on_a_cluster(kubectl: Kubectl) -> None:
    full = f"inferenceservice.serving.kserve.io/{NAME}"
    assert (await kubectl("apply", "-f", str(YAML))).out == f"{full} created\n"
    assert (await kubectl("apply", "-f", str(YAML))).out == f"{full} unchanged\n"
    changed = YAML.read_text().replace("--model_name", "--model_name=other")
    assert (await kubectl("apply", "-f", "-", stdin=changed)).out == f"{full} configured\n"
    columns = (await kubectl("get", "isvc")).out.splitlines()[0].split()
    expected = "NAME URL READY PREV LATEST PREVROLLEDOUTREVISION LATESTREADYREVISION AGE"
    assert columns == expected.split()
    assert (await kubectl("get", "isvc", NAME, "-o", "name")).out == f"{full}\n"
    assert (await kubectl("delete", "-f", str(YAML))).out.startswith('inferenceservice.serving.kserve.io "')
    assert "not found" in (await kubectl("get", "isvc", NAME, fails=True)).err


async def test_wait_returns_once_the_condition_is_met(api: ApiServer, kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", str(YAML))
    waiting = asyncio.create_task(kubectl("wait", "--for=condition=Ready", f"isvc/{NAME}", "--timeout=30s"))
    body = api.store.get(INFERENCE_SERVICES, "default", NAME)
    host = f"http://{NAME}.default.example.com"
    body["status"] = {"url": host, "conditions": [{"type": "Ready", "status": "True"}]}
    api.store.update_status(INFERENCE_SERVICES, body)
    assert (await waiting).out == f"inferenceservice.serving.kserve.io/{NAME} condition met\n"
    path = "jsonpath={.status.url}"
    assert (await kubectl("get", "inferenceservice", NAME, "-o", path)).out == host
    assert (await kubectl("get", "isvc", NAME)).out.splitlines()[1].split()[:3] == [NAME, host, "True"]


async def test_a_delete_waits_for_the_finalizers(api: ApiServer, kubectl: Kubectl) -> None:
    api.store.create(INFERENCE_SERVICES, {**service("held"), "metadata": {"name": "held", "finalizers": ["mine"]}})
    deleting = asyncio.create_task(kubectl("delete", "isvc", "held"))
    async for event in api.store.subscribe(INFERENCE_SERVICES, since=0):
        if "deletionTimestamp" in event.object["metadata"]:
            break
    assert not deleting.done()
    del event.object["metadata"]["finalizers"]
    api.store.update(INFERENCE_SERVICES, event.object)
    assert (await deleting).out == 'inferenceservice.serving.kserve.io "held" deleted\n'


async def test_labels_annotations_and_patches_change_an_object(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", str(YAML))
    await kubectl("label", "isvc", NAME, "team=a")
    await kubectl("annotate", "isvc", NAME, "note=hello")
    await kubectl("patch", "isvc", NAME, "--type", "merge", "-p", '{"spec":{"transformer":{"timeout":30}}}')
    await kubectl("patch", "isvc", NAME, "--type", "json", "-p", '[{"op":"remove","path":"/spec/transformer/timeout"}]')
    assert NAME in (await kubectl("get", "isvc", "-l", "team=a")).out
    assert "No resources found" in (await kubectl("get", "isvc", "-l", "team!=a")).err
    body = json.loads((await kubectl("get", "isvc", NAME, "-o", "json")).out)
    assert body["metadata"]["annotations"]["note"] == "hello"
    assert "timeout" not in body["spec"]["transformer"]
    assert body["metadata"]["generation"] == 3


async def test_server_side_apply_owns_what_it_names_and_refuses_what_another_owns(kubectl: Kubectl) -> None:
    text = YAML.read_text()
    await kubectl("apply", "--server-side", "-f", str(YAML))
    other = text.replace("gs://kfserving-examples", "gs://elsewhere")
    conflict = await kubectl("apply", "--server-side", "--field-manager=me", "-f", "-", stdin=other, fails=True)
    assert 'conflict with "kubectl"' in conflict.err
    assert ".spec.predictor.model.storageUri" in conflict.err
    await kubectl("apply", "--server-side", "--field-manager=me", "--force-conflicts", "-f", "-", stdin=other)
    body = json.loads((await kubectl("get", "isvc", NAME, "-o", "json")).out)
    assert body["spec"]["predictor"]["model"]["storageUri"].startswith("gs://elsewhere")


async def test_a_typing_mistake_is_refused_without_a_flag(kubectl: Kubectl) -> None:
    wrong = YAML.read_text().replace("modelFormat:", "modelFormt:")
    said = await kubectl("apply", "-f", "-", stdin=wrong, fails=True)
    assert "unknown field" in said.err
    assert "modelFormt" in said.err


async def test_explain_knows_the_fields(kubectl: Kubectl) -> None:
    said = (await kubectl("explain", "isvc.spec.transformer")).out
    for field in ("containers", "minReplicas", "timeout", "logger"):
        assert field in said
    assert "isvc.yaml" in (await kubectl("explain", "isvc.spec.predictor.model.storageUri")).out


async def test_kubernetes_own_kinds_are_made_by_their_commands(kubectl: Kubectl) -> None:
    await kubectl("create", "secret", "generic", "keys", "--from-literal=a=b")
    await kubectl("create", "configmap", "settings", "--from-literal=c=d")
    await kubectl("create", "serviceaccount", "robot")
    await kubectl("patch", "serviceaccount", "robot", "-p", '{"secrets":[{"name":"keys"}]}')
    assert (await kubectl("get", "secret", "keys", "-o", "jsonpath={.data.a}")).out == "Yg=="
    assert (await kubectl("get", "secret", "keys")).out.splitlines()[1].split()[:3] == ["keys", "Opaque", "1"]
    assert (await kubectl("get", "sa", "robot", "-o", "jsonpath={.secrets[0].name}")).out == "keys"


async def test_a_namespace_goes_with_all_that_is_in_it(api: ApiServer, kubectl: Kubectl) -> None:
    sweeping = asyncio.create_task(namespaces.sweep(api.store))
    try:
        await kubectl("create", "namespace", "models")
        await kubectl("apply", "-n", "models", "-f", str(YAML))
        assert NAME in (await kubectl("get", "isvc", "-A")).out
        await kubectl("delete", "namespace", "models")
    finally:
        sweeping.cancel()
    assert api.store.list(INFERENCE_SERVICES).items == []
    assert "may not be deleted" in (await kubectl("delete", "namespace", "default", fails=True)).err


async def test_describe_shows_the_events_of_an_object(api: ApiServer, kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", str(YAML))
    given = api.store.get(INFERENCE_SERVICES, "default", NAME)["metadata"]
    about = {"kind": "InferenceService", "namespace": "default", "name": NAME, "uid": given["uid"]}
    event: Object = {
        "metadata": {"name": f"{NAME}.1", "namespace": "default"},
        "involvedObject": about,
        "type": "Normal",
        "reason": "InferenceServiceReady",
        "message": f"InferenceService [{NAME}] is Ready",
        "lastTimestamp": given["creationTimestamp"],
        "source": {"component": "v1beta1Controllers"},
    }
    api.store.create(EVENTS, event)
    assert f"InferenceService [{NAME}] is Ready" in (await kubectl("describe", "isvc", NAME)).out
    columns = (await kubectl("get", "events")).out.splitlines()
    assert columns[0].split() == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert f"inferenceservice/{NAME}" in columns[1]


async def test_pods_and_their_logs_are_those_that_run(api: ApiServer, kubectl: Kubectl) -> None:
    statuses = [{"name": "kserve-container", "ready": True, "restartCount": 2, "state": {"running": {}}}]
    api.running.objects["Pod"] = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "one",
                "namespace": "default",
                "uid": "1",
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": {"containers": [{"name": "kserve-container"}]},
            "status": {"phase": "Running", "containerStatuses": statuses},
        }
    ]
    api.running.lines["one", "kserve-container"] = [b"first\n", b"second\n"]
    assert (await kubectl("get", "pods")).out.splitlines()[1].split()[:4] == ["one", "1/1", "Running", "2"]
    assert (await kubectl("logs", "one")).out == "first\nsecond\n"
    assert (await kubectl("logs", "one", "--tail=1", "-f")).out == "second\n"
    assert "not valid for pod" in (await kubectl("logs", "one", "-c", "other", fails=True)).err
