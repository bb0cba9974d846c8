"""`locust -f loadtest/` as the README has it, against both services."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.stack import MNIST, ROOT, Stack

pytestmark = pytest.mark.e2e

COMMAND = "locust -f loadtest/ --headless -u 8 -t 20s"
USERS = ["V1Rest", "V2RestJson", "V2RestBinary", "V2Grpc"]
NAMES = {"V1 REST", "V2 REST JSON", "V2 REST binary", "V2 gRPC"}
PATIENCE = 120


def locust(command: str, *more: str) -> subprocess.CompletedProcess[str]:
    program, *words = shlex.split(command)
    argv = [str(Path(sys.executable).with_name(program)), *words, *more]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_the_readme_s_load_runs_all_four_users_without_a_failure(stack: Stack, tmp_path: Path) -> None:
    exact = tmp_path / "exact.json"
    done = locust(COMMAND, "--host", f"http://{stack.address(MNIST)}", "--exact", str(exact))
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(exact.read_text())["requests"]
    assert told.keys() == NAMES
    for name, one in told.items():
        assert one["failures"] == 0, name
        assert one["requests"] > 0, name


def test_there_are_exactly_four_users() -> None:
    done = locust("locust -f loadtest/ --list")
    assert done.returncode == 0, done.stderr
    _, _, listed = done.stdout.partition("Available Users:")
    assert [line.strip() for line in listed.splitlines() if line.startswith(" ")] == USERS
