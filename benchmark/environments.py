"""Environments of their own for what must not share ours: made once from a lock with hashes, in the cache folder."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

Say = Callable[[str], None]
INSTALL_SECONDS = 900.0


class EnvironmentFailed(Exception):
    """An environment could not be made; the message ends with what pip said."""


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/kserve-local`, by default under `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kserve-local"


def ensure(name: str, lock: Path, say: Say, *options: str) -> Path:
    """The interpreter of the environment that `lock` describes, made now if it is not there.

    The folder's name carries a hash of the lock and of the interpreter, so that a changed lock gets a new environment.

    Raises:
        EnvironmentFailed: pip could not install it.
    """
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache_folder() / f"{name}-{digest}"
    python = folder / "bin/python"
    with _alone(folder):
        done = folder / ".complete"
        if not done.exists():
            say(f"making the environment of {name} in {folder} (once; a minute or two)")
            shutil.rmtree(folder, ignore_errors=True)
            _run([sys.executable, "-m", "venv", str(folder)], name)
            _run([str(python), *_PIP, *options, "--require-hashes", "-r", str(lock)], name)
            done.touch()
    return python


_PIP = ("-m", "pip", "install", "--disable-pip-version-check", "--quiet")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One maker at a time: a second run waits for the first one's environment instead of breaking it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str], name: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired as exc:
        raise EnvironmentFailed(f"the environment of {name} was not ready after {INSTALL_SECONDS:.0f} s") from exc
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise EnvironmentFailed(f"the environment of {name} could not be made: {' '.join(command)}\n{last}")
