"""One control plane per project: the lock that `isvc serve` holds, and the note by which other commands find it.

serve.lock    held for as long as the control plane lives
serve.json    where its API is, and what it was asked to run; for the user's eyes only, the token is in it
objects.db    the objects; written by the control plane, or by a command while there is none
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from isvc.errors import StackError

OBJECTS = "objects.db"
_LOCK = "serve.lock"
_NOTE = "serve.json"
_LOOKED_AT = 1.0
"""Seconds; a command that looks whether there is a control plane has the lock for a moment."""


@dataclass(frozen=True, slots=True)
class ControlPlane:
    url: str
    """`https://127.0.0.1:PORT`"""
    authority: str
    """Path of the certificate by which it is known."""
    token: str
    real: str = "auto"
    storage: str = "folder"
    """As `isvc up` has them; the control plane makes all plans alike."""
    backend: str = "process"


@contextmanager
def claim(root: Path) -> Iterator[None]:
    """Be the control plane of the project in `root` for the time of the block. Raises StackError if there is one."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (root / _LOCK).open("w") as lock:
        if not _locked_within(_LOOKED_AT, lock):
            raise StackError(f"project {root.name} has a control plane already; take another --project")
        try:
            yield
        finally:
            (root / _NOTE).unlink(missing_ok=True)


def announce(root: Path, plane: ControlPlane) -> None:
    """Called once the API answers."""
    beside = root / f".{_NOTE}.new"
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(plane), file)
    beside.replace(root / _NOTE)


def find(root: Path) -> ControlPlane | None:
    """The one that runs for the project in `root`. Raises StackError while one is starting and does not answer yet."""
    if not (root / _LOCK).exists() or not _held(root / _LOCK):
        return None
    try:
        return ControlPlane(**json.loads((root / _NOTE).read_text()))
    except (FileNotFoundError, ValueError, TypeError) as exc:
        message = f"the control plane of project {root.name} is just starting; try again once it says that it serves"
        raise StackError(message) from exc


def _locked_within(seconds: float, lock: IO[str]) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def _held(path: Path) -> bool:
    with path.open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
