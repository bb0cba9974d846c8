"""Making an environment: once, alone, with progress. The only place that runs pip.

A folder counts once its marker is there, which is written last: one whose making was interrupted is made anew, and two
that want the same wait for each other. What failed is not tried again for a while unless it is insisted on, because
being offline should not make every `isvc up` slow.
"""

from __future__ import annotations

import fcntl
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from isvc.environments.folders import environment_folder
from isvc.environments.recipes import TORCH, Recipe
from isvc.errors import EnvironmentFailed

Say = Callable[[str], None]

LONGEST = 1800.0
"""Seconds that pip may take, and that one who waits for another's making waits."""
IMAGE_PYTHON = "3.11"
"""Of PYTHON_IMAGE, which the images of all roles are built on."""
_RETRY_AFTER = 600.0
_POLL = 0.1
_MARKER = ".complete"
_NEWS = re.compile(r"^\s*(Downloading \S+ \(\d+(?:\.\d+)? [MG]B\)|Installing collected packages)")
"""Of pip's lines, what a person who waits wants to read: the big downloads."""
_VENV = ("-m", "venv")
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar=off", "--retries=2")


def python_of(recipe: Recipe) -> Path:
    """The interpreter of the environment, whether it is there or not."""
    return environment_folder(recipe.name, recipe.lock_file) / "bin" / "python"


def ensure(recipe: Recipe, say: Say, *, insist: bool = True) -> Path:
    """The interpreter of the environment, which is made now if it is not there.

    Raises EnvironmentFailed: it cannot be used here, or pip could not make it; without `insist` also where that was
    so a few minutes ago.
    """
    if (obstacle := recipe.obstacle()) is not None:
        raise EnvironmentFailed(recipe.title, obstacle)
    python = python_of(recipe)
    folder = python.parents[1]
    if (folder / _MARKER).exists():
        return python
    with _alone(folder, recipe, say):
        if not (folder / _MARKER).exists():
            if not insist:
                _raise_recent_failure(folder, recipe)
            _make_or_note(folder, recipe, say)
    return python


def _make_or_note(folder: Path, recipe: Recipe, say: Say) -> None:
    """What goes wrong is left beside the folder for those who do not insist."""
    note = _note_of(folder)
    note.unlink(missing_ok=True)
    try:
        _make(folder, recipe, say)
    except EnvironmentFailed as exc:
        note.write_text(exc.reason, encoding="utf-8")
        raise


def _make(folder: Path, recipe: Recipe, say: Say) -> None:
    started = time.monotonic()
    say(f"making the environment of {recipe.title}, once: {folder} (downloads about {recipe.size})")
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, *_VENV, str(folder)], recipe, say)
    python = str(folder / "bin" / "python")
    if recipe.torch:
        _install_torch(python, recipe, say)
    _run([python, *_PIP, "--no-deps", "--require-hashes", "-r", str(recipe.lock_file)], recipe, say)
    (folder / _MARKER).touch()
    say(f"the environment of {recipe.title} is there after {time.monotonic() - started:.0f} s")


def _install_torch(python: str, recipe: Recipe, say: Say) -> None:
    """First, because it fails at once where there is no CPU build in reach."""
    with _torch_explained(recipe):
        _run([python, *_PIP, "--no-deps", f"torch=={torch_version()}"], recipe, say)


@contextmanager
def _torch_explained(recipe: Recipe) -> Iterator[None]:
    try:
        yield
    except EnvironmentFailed as exc:
        offline = "(from versions: none)" in exc.reason
        if offline or "No matching distribution" not in exc.reason:
            raise
        raise EnvironmentFailed(
            recipe.title,
            "PyPI has no CPU build of torch for Linux on x86_64 (its build for CUDA would be 2.7 GB); let pip know an "
            "index or a folder that has one, by PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS (docs/predictors.md)",
        ) from exc


def torch_version() -> str:
    """On Linux on x86_64 only a version with `+cpu` is a CPU build; elsewhere PyPI's plain one is."""
    return f"{TORCH}+cpu" if (platform.system(), platform.machine()) == ("Linux", "x86_64") else TORCH


def _run(command: Sequence[str], recipe: Recipe, say: Say) -> None:
    """Runs it to its end, telling what is worth telling of its output. Raises EnvironmentFailed."""
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        limit = threading.Timer(LONGEST, process.kill)
        limit.start()
        try:
            for line in process.stdout or ():
                lines.append(line.strip())
                if news := _NEWS.match(line):
                    say(f"  {news[1]}")
        except BaseException:  # an interrupt: pip must not go on behind our back
            process.kill()
            raise
        finally:
            limit.cancel()
    if process.returncode:
        told = [line for line in lines if line.startswith("ERROR:")] or lines[-5:]
        raise EnvironmentFailed(recipe.title, "\n  ".join(["pip could not install it:", *told]))


def _raise_recent_failure(folder: Path, recipe: Recipe) -> None:
    note = _note_of(folder)
    if note.exists() and time.time() - note.stat().st_mtime < _RETRY_AFTER:
        raise EnvironmentFailed(recipe.title, note.read_text(encoding="utf-8"))


def _note_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.failed")


@contextmanager
def _alone(folder: Path, recipe: Recipe, say: Say) -> Iterator[None]:
    """One maker at a time: a second one waits for the first one's environment instead of breaking it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as file:
        deadline, told = time.monotonic() + LONGEST, False
        while not _try_lock(file.fileno()):
            if not told:
                say(f"another isvc is making the environment of {recipe.title}; waiting for it")
                told = True
            if time.monotonic() > deadline:
                raise EnvironmentFailed(recipe.title, f"another isvc has been making it for {LONGEST:.0f} s")
            time.sleep(_POLL)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def fetch_torch(recipe: Recipe, say: Say) -> None:
    """Torch's wheel for the role's image, in `.wheels/` of its folder: a build finds only what its context has."""
    folder = recipe.lock_file.parent / ".wheels"
    version = torch_version()
    if any(folder.glob(f"torch-{version}-*.whl")):
        return
    say(f"fetching torch {version} for the image of {recipe.title} (about 200 MB)")
    shutil.rmtree(folder, ignore_errors=True)
    machine = platform.machine()
    options = f"--only-binary=:all: --implementation=cp --python-version={IMAGE_PYTHON} --progress-bar=off --no-deps"
    platforms = f"--platform=manylinux_2_28_{machine} --platform=linux_{machine}"
    download = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--retries=2"]
    command = [*download, *options.split(), *platforms.split(), f"--dest={folder}", f"torch=={version}"]
    with _torch_explained(recipe):
        _run(command, recipe, say)
