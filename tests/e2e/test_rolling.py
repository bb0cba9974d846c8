"""A changed YAML under load: the new revision takes over, and no caller notices but by its answers."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from e2e.rolling import MODELS, calling, files, more_answers, write_versions
from e2e.stack import Stack

pytestmark = pytest.mark.e2e


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    return write_versions(tmp_path / "versions")


def up(stack: Stack, versions: Path, version: str, check: bool = True) -> tuple[int, str]:
    words = ("--backend", stack.backend, "--ingress-port", 0, "--settings", versions / "isvc.yaml")
    done = stack.isvc("up", *files(versions, version), *words, check=check)
    return done.returncode, done.stdout + done.stderr


def test_a_changed_model_takes_over_without_a_failed_request(fresh: Stack, versions: Path) -> None:
    """On Compose not without: what fails there is 503 or UNAVAILABLE, and `up` says so beforehand."""
    up(fresh, versions, "v1")
    with calling(fresh) as callers:
        more_answers(callers)
        old = [caller.answers[-1] for caller in callers]
        _, said = up(fresh, versions, "v2")
        assert said.count(" configured") == len(MODELS)
        more_answers(callers)
        _until_one_revision_runs(fresh)
        more_answers(callers)
    failures = [failure for caller in callers for failure in caller.failures]
    if fresh.backend == "process":
        assert failures == []
    else:
        assert said.count("503 until it is ready") == len(MODELS)
        assert [failure for failure in failures if not re.search(r"\b503\b|UNAVAILABLE", failure)] == []
    # The digit turns into another, the cat into anything but a cat, once and for all.
    assert [caller.told[0] for caller in callers] == old
    assert [len(caller.told) for caller in callers] == [2, 2, 2, 2]


def _until_one_revision_runs(stack: Stack, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while len(stack.units()) > 3 * len(MODELS) + 1:
        assert time.monotonic() < deadline, stack.units()
        time.sleep(0.2)
