"""docs/kubectl.md, pasted: every command in order against a control plane; each line below stands in what it prints."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark import environments
from e2e.plane import Plane
from e2e.stack import ISVC, ROOT, Stack

pytestmark = pytest.mark.e2e

PAGE = (ROOT / "docs" / "kubectl.md").read_text()
BLOCKS = re.findall(r"^```(console|python)\n(.*?)^```", PAGE, re.S | re.M)


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    """A control plane with no objects, on processes: what is tried here is the page."""
    started = Plane(Stack(tmp_path / "state", "process", f"e2e-page-{os.getpid()}"))
    started.start()
    yield started
    started.end()


def test_every_command_of_the_page_prints_what_stands_below_it(plane: Plane) -> None:
    words = f"--project {plane.stack.project} --state-dir {plane.stack.state}"
    variables = {**plane.environment, "PATH": f"{ISVC.parent}{os.pathsep}{os.environ['PATH']}"}
    tried = 0
    for kind, block in BLOCKS:
        if kind == "python":
            python = environments.ensure("kserve", ROOT / "benchmark" / "kserve.lock", print)
            assert "http://torch-transformer.default.example.com" in said([str(python), "-c", block], variables)
            continue
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *printed = part.splitlines()
            command = re.sub(r"^isvc (\w+)", rf"isvc \1 {words}", command)
            told = said(["bash", "-c", command], variables)
            tried += 1
            for line in printed:
                assert line in told, f"$ {command}\n{told}"
    assert tried >= 20


def said(command: list[str], variables: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=150, check=False)
    return done.stdout + done.stderr
