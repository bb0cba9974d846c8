"""KServe's own Python client from PyPI, in an environment of its own, against `isvc serve`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark import environments
from e2e.plane import Plane
from e2e.stack import MNIST, ROOT, Stack

pytestmark = pytest.mark.e2e

SESSION = Path(__file__).with_name("kserve_client_session.py")


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    """A control plane with no objects, on processes: what is tried here is the client."""
    started = Plane(Stack(tmp_path / "state", "process", f"e2e-client-{os.getpid()}"))
    started.start()
    yield started
    started.end()


def session(plane: Plane, step: str, **variables: str) -> dict[str, Any]:
    python = environments.ensure("kserve", ROOT / "benchmark" / "kserve.lock", print)
    done = subprocess.run(
        [python, SESSION, ROOT / "examples", step],
        env={**plane.environment, **variables},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    told: dict[str, Any] = json.loads(done.stdout.rpartition("RESULT ")[2])
    return told


def test_kserve_client_creates_waits_predicts_patches_and_deletes(plane: Plane) -> None:
    assert session(plane, "create") == {"ready": True}
    address = plane.stack.environment(MNIST)["KSERVE_INGRESS_HOST_PORT"]
    told = session(plane, "use", KSERVE_INGRESS_HOST_PORT=address)
    assert told["mnist"] == told["after the patch"] == [2]
    assert len(told["cifar10"][0]) == 10
    assert told["timeout"] == 45
    assert told["created twice"] is True
    assert told["deleted"] == [True, True]
