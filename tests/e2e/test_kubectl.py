"""KServe's guide, typed as it stands, against `isvc serve`: only the address of the ingress is another one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.plane import Plane, until
from e2e.rolling import calling, more_answers
from e2e.stack import INPUTS, MNIST, ROOT, YAMLS, Stack, curl

pytestmark = pytest.mark.e2e


@contextmanager
def started(backend: str, folder: Path) -> Iterator[Plane]:
    plane = Plane(Stack(folder / "state", backend, f"e2e-plane-{os.getpid()}"))
    try:
        plane.start()
        yield plane
    finally:
        plane.end()


@pytest.fixture
def plane(backend: str, tmp_path: Path) -> Iterator[Plane]:
    """A control plane with no objects; once for each backend."""
    with started(backend, tmp_path) as running:
        yield running


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Plane]:
    """The same without containers, for what does not depend on them."""
    with started("process", tmp_path) as running:
        yield running


def shell(plane: Plane, text: str) -> str:
    """What a bash with the kubeconfig prints."""
    variables = {**plane.environment, **plane.stack.environment(MNIST)}
    done = subprocess.run(
        ["bash", "-euc", text], cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout


def changed(tmp_path: Path) -> Path:
    """The example's YAML with a transformer that is started otherwise."""
    file = tmp_path / "changed.yaml"
    file.write_text(YAMLS[MNIST].read_text().replace("- mnist", '- mnist\n          - --workers\n          - "1"'))
    return file


def test_the_guide_s_commands_print_what_the_guide_shows(plane: Plane) -> None:
    created = plane.kubectl("apply", "-f", "examples/torch-transformer/transformer-new.yaml")
    assert created == "inferenceservice.serving.kserve.io/torch-transformer created\n"
    plane.wait_ready(MNIST)
    printed = shell(
        plane,
        """
        SERVICE_NAME=torch-transformer
        MODEL_NAME=mnist
        INPUT_PATH=@examples/torch-transformer/input.json
        SERVICE_HOSTNAME=$(kubectl get inferenceservice $SERVICE_NAME -o jsonpath='{.status.url}' | cut -d "/" -f 3)
        curl -s -H "Host: ${SERVICE_HOSTNAME}" -H "Content-Type: application/json" -d $INPUT_PATH http://${INGRESS_HOST}:${INGRESS_PORT}/v1/models/$MODEL_NAME:predict
        """,
    )
    assert json.loads(printed) == {"predictions": [2]}
    table = plane.kubectl("get", "inferenceservice", MNIST).splitlines()
    assert table[0].split() == [
        *("NAME", "URL", "READY", "PREV", "LATEST", "PREVROLLEDOUTREVISION", "LATESTREADYREVISION", "AGE")
    ]
    assert table[1].split()[:3] == [MNIST, "http://torch-transformer.default.example.com", "True"]
    unchanged = plane.kubectl("apply", "-f", "examples/torch-transformer/transformer-new.yaml")
    assert unchanged == "inferenceservice.serving.kserve.io/torch-transformer unchanged\n"
    deleted = plane.kubectl("delete", "-f", "examples/torch-transformer/transformer-new.yaml")
    assert deleted.startswith('inferenceservice.serving.kserve.io "torch-transformer" deleted')
    assert plane.stack.get() == {}


def test_pods_deployments_services_events_and_logs_show_what_runs(plane: Plane) -> None:
    plane.kubectl("apply", "-f", YAMLS[MNIST])
    plane.wait_ready(MNIST)
    pods = plane.kubectl("get", "pods", "-l", f"serving.kserve.io/inferenceservice={MNIST}")
    assert re.search(r"^torch-transformer-predictor-\w+-\w{5} +1/1 +Running +0 ", pods, re.M)
    assert re.search(r"^torch-transformer-transformer-\w+-\w{5} +1/1 +Running +0 ", pods, re.M)
    assert re.search(r"^torch-transformer-predictor +1/1 +1 +1 ", plane.kubectl("get", "deployments"), re.M)
    assert re.search(r"^torch-transformer-predictor +ClusterIP .* 80/TCP", plane.kubectl("get", "services"), re.M)
    pod = plane.kubectl("get", "pods", "-l", "component=predictor", "-o", "name").strip()
    assert "complete" in plane.kubectl("logs", pod, "-c", "storage-initializer")
    assert "GET /v2/health/ready" in plane.kubectl("logs", pod)
    assert plane.kubectl("logs", pod, "--tail", "1").count("\n") == 1
    assert "InferenceService [torch-transformer] is Ready" in plane.kubectl("describe", "isvc", MNIST)
    assert "Started container storage-initializer" in plane.kubectl("describe", pod)
    assert "container nobody is not valid" in plane.kubectl("logs", pod, "-c", "nobody", check=False)


def test_a_followed_log_goes_on_and_ends_with_its_reader(quick: Plane) -> None:
    quick.kubectl("apply", "-f", YAMLS[MNIST])
    quick.wait_ready(MNIST)
    pod = quick.kubectl("get", "pods", "-l", "component=transformer", "-o", "name").strip()
    following = quick.popen("logs", "-f", pod)
    assert following.stdout is not None
    seen: list[str] = []
    reader = threading.Thread(target=lambda: seen.extend(iter(following.stdout.readline, "")), daemon=True)
    reader.start()
    until(lambda: bool(seen), "the first line")
    before = len(seen)
    assert curl(quick.stack, MNIST, "/v1/models/mnist:predict", "-d", f"@{INPUTS[MNIST]}")[0] == 200
    until(lambda: any(":predict" in line for line in seen[before:]), "the line of the prediction")
    following.terminate()
    reader.join(10)
    following.stdout.close()
    following.wait(10)


def test_a_changed_yaml_rolls_the_transformer_without_a_failed_request_and_wait_waits_for_it(
    quick: Plane, tmp_path: Path
) -> None:
    quick.kubectl("apply", "-f", YAMLS[MNIST])
    quick.wait_ready(MNIST)
    pods = quick.kubectl("get", "pods", "-o", "name").split()
    watching = quick.popen("get", "isvc", MNIST, "-w", "-o", 'jsonpath={.metadata.generation}{"\\n"}')
    assert watching.stdout is not None
    assert watching.stdout.readline() == "1\n"
    with calling(quick.stack, [MNIST]) as callers:
        more_answers(callers)
        answer = quick.kubectl("apply", "-f", changed(tmp_path))
        assert answer == "inferenceservice.serving.kserve.io/torch-transformer configured\n"
        quick.wait_ready(MNIST)
        more_answers(callers)
    assert [failure for caller in callers for failure in caller.failures] == []
    assert [caller.told for caller in callers] == [[2], [2]]
    status = quick.get(MNIST)
    assert status["status"]["observedGeneration"] == status["metadata"]["generation"] == 2
    assert "2\n" in iter(watching.stdout.readline, "")
    watching.terminate()
    watching.stdout.close()
    watching.wait(10)
    now = quick.kubectl("get", "pods", "-o", "name").split()
    assert {pod for pod in pods if "predictor" in pod} <= set(now)
    assert not {pod for pod in pods if "-transformer-transformer-" in pod} & set(now)
    code, body = curl(quick.stack, MNIST, "/v1/models/mnist:predict", "-d", f"@{INPUTS[MNIST]}")
    assert (code, body) == (200, {"predictions": [2]})


def test_a_model_that_cannot_be_fetched_is_told_in_the_status_with_the_last_lines(plane: Plane, tmp_path: Path) -> None:
    file = tmp_path / "away.yaml"
    file.write_text(YAMLS[MNIST].read_text().replace("image_classifier/v1", "nowhere"))
    plane.kubectl("apply", "-f", file)

    def told() -> dict[str, object]:
        model: dict[str, object] = plane.get(MNIST).get("status", {}).get("modelStatus", {})
        return model

    until(lambda: "lastFailureInfo" in told(), "the failure")
    assert told()["transitionStatus"] == "BlockedByFailedLoad"
    info = told()["lastFailureInfo"]
    assert isinstance(info, dict)
    assert info["reason"] == "ModelLoadFailed"
    if plane.stack.backend == "process":  # Docker refuses to mount what is not there: nothing has run that could end
        assert info["exitCode"] == 1
        assert "BackOff" in plane.kubectl("get", "events")
    assert "nowhere" in info["message"]
    plane.kubectl("delete", "isvc", MNIST)


def test_isvc_up_get_and_down_are_clients_of_the_control_plane(quick: Plane) -> None:
    quick.stack.isvc("up", YAMLS[MNIST])
    assert quick.kubectl("get", "isvc", "-o", "name") == f"inferenceservice.serving.kserve.io/{MNIST}\n"
    assert "unchanged" in quick.stack.isvc("up", YAMLS[MNIST]).stdout
    assert quick.stack.ready(MNIST)
    quick.stack.isvc("down", MNIST)
    assert quick.kubectl("get", "isvc", "-o", "name") == ""
    refused = quick.stack.isvc("up", YAMLS[MNIST], "--real", "1", check=False)
    assert refused.returncode == 2
    assert "isvc serve" in refused.stderr


def test_what_isvc_up_started_alone_is_taken_over(quick: Plane) -> None:
    quick.stop()
    quick.stack.isvc("up", YAMLS[MNIST], "--real", "0", "--backend", quick.stack.backend, "--ingress-port", "0")
    before = quick.stack.units()
    quick.start()
    quick.wait_ready(MNIST)
    assert quick.stack.units() == before
    quick.stop()
    quick.stack.isvc("down")
    quick.start()
    assert quick.kubectl("get", "isvc", "-o", "name") == ""
