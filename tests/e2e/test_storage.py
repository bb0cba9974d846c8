"""Models from a real SeaweedFS: the stack's own for the examples, and one that asks for a key."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.stack import CIFAR10, INPUTS, MNIST, ROOT, YAMLS, Stack, curl
from integration.storage_init.buckets import free_port, running
from isvc import environments

pytestmark = pytest.mark.e2e

KEY, SECRET, WRONG = "reader-key-id", "not-to-be-seen-anywhere", "also-not-to-be-seen"
YAML = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {{name: guarded}}
spec:
  predictor:
    serviceAccountName: reader
    model:
      modelFormat: {{name: onnx}}
      protocolVersion: v2
      runtime: kserve-tritonserver
      storageUri: s3://guarded/models/torchscript
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: reader}}
secrets: [{{name: keys}}]
---
apiVersion: v1
kind: Secret
metadata:
  name: keys
  annotations: {{serving.kserve.io/s3-endpoint: "{endpoint}", serving.kserve.io/s3-usehttps: "0"}}
stringData: {{AWS_ACCESS_KEY_ID: {key}, AWS_SECRET_ACCESS_KEY: {secret}}}
"""


def _host(backend: str) -> str:
    """An address of this machine that the units reach: containers know it by their bridge."""
    if backend == "process":
        return "127.0.0.1"
    gateway = "{{(index .IPAM.Config 0).Gateway}}"
    command = ["docker", "network", "inspect", "bridge", "--format", gateway]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()


@pytest.fixture
def guarded(backend: str, tmp_path: Path) -> Iterator[str]:
    """`host:port` of a SeaweedFS that only who has the key may read."""
    environments.ensure(environments.recipe("seaweedfs"), print)
    host = _host(backend)
    port = free_port(host)
    bucket = ("--bucket", "guarded", "--from", ROOT / "models" / "bucket")
    command = (*environments.command("seaweedfs", ""), *bucket, "--s3_port", str(port), "--host", host)
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    with running(command, port, tmp_path / "seaweedfs.log", host, keys):
        yield f"{host}:{port}"


@dataclass(frozen=True)
class Service:
    stack: Stack
    yaml: Path
    endpoint: str

    def up(self, secret: str) -> subprocess.CompletedProcess[str]:
        self.yaml.write_text(YAML.format(endpoint=self.endpoint, key=KEY, secret=secret))
        options = ("--backend", self.stack.backend, "--ingress-port", 0, "--real", 0)
        return self.stack.isvc("up", self.yaml, *options, check=False, timeout=600)

    def seen_by_others(self) -> str:
        """All that anybody is shown of it: logs, `explain`, `get`, command lines, Docker's containers, their file."""
        shown = [self.stack.isvc("logs").stdout, self.stack.isvc("explain", self.yaml, "-o", "json").stdout]
        shown += [self.stack.isvc("get", "-o", kind).stdout for kind in ("wide", "json")]
        shown.append(_output("ps", "-eo", "args"))
        if self.stack.backend == "compose":
            mine = _output("docker", "ps", "--all", "--quiet", "--filter", f"name={self.stack.project}").split()
            shown += [_output("docker", "inspect", *mine)]
            shown += [file.read_text() for file in self.stack.state.rglob("*.yaml") if file != self.yaml]
        return "\n".join(shown)


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_a_service_accounts_key_opens_its_bucket_and_is_shown_to_nobody(
    fresh: Stack, guarded: str, tmp_path: Path
) -> None:
    service = Service(fresh, tmp_path / "service.yaml", guarded)
    refused = service.up(WRONG)
    assert refused.returncode == 1
    assert "access was refused (403 SignatureDoesNotMatch). Set AWS_ACCESS_KEY_ID" in refused.stdout + refused.stderr
    done = service.up(SECRET)
    assert done.returncode == 0, done.stdout + done.stderr
    status, about = curl(fresh, "guarded", "/v2/models/cifar10")
    assert (status, about["name"]) == (200, "cifar10")
    told = "\n".join([refused.stdout, refused.stderr, done.stdout, done.stderr, service.seen_by_others()])
    assert "storage-initializer" in told
    assert not [secret for secret in (SECRET, WRONG) if secret in told]


@pytest.fixture
def from_bucket(backend: str, tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path / "state", backend, f"e2e-s3-{os.getpid()}")
    yield stack
    stack.isvc("down", "--volumes")


def test_both_examples_run_from_a_bucket_under_their_own_address(from_bucket: Stack) -> None:
    up = ("--backend", from_bucket.backend, "--ingress-port", 0, "--real", 0, "--storage", "s3")
    told = from_bucket.isvc("up", *YAMLS.values(), *up, timeout=600).stdout
    assert "storage: gs://kfserving-examples/ -> s3://kfserving-examples/, a SeaweedFS filled from" in told
    for name, model in ((MNIST, "mnist"), (CIFAR10, "cifar10")):
        status, body = curl(from_bucket, name, f"/v1/models/{model}:predict", "-d", f"@{INPUTS[name]}")
        assert status == 200
        (answer,) = body["predictions"]
        assert (answer == 2) if name == MNIST else max(range(10), key=answer.__getitem__) == 3
    fetched = [line for line in from_bucket.isvc("logs").stdout.splitlines() if "s3://kfserving-examples/" in line]
    assert any("fetched" in line for line in fetched), fetched
    assert from_bucket.isvc("up", *YAMLS.values(), *up).stdout.count(" unchanged") == 2
