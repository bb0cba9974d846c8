"""The supervisor's process: `python -m isvc.backends.process FOLDER`. Started by `isvc up`, detached."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
from pathlib import Path

import psutil

from isvc import environments
from isvc.backends.folder import ProjectFolder
from isvc.backends.process import survivors
from isvc.backends.process.binding import Surroundings
from isvc.backends.process.supervisor import Supervisor
from isvc.backends.records import ProcessId

PROGRAMS = Path(sys.executable).parent
"""Where the environment has its programs: predictor-mock, storage-init, traefik."""


def find_program(name: str) -> str:
    """The program called `name`: the environment's own first, then what a shell would find."""
    if name in ("python", "python3"):
        return sys.executable
    own = PROGRAMS / name
    return str(own) if own.is_file() else shutil.which(name) or name


def main(argv: list[str]) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    folder = ProjectFolder(Path(argv[0]))
    folder.make()
    lock = folder.claim()
    if lock is None:
        return 0  # another was started at the same moment
    with lock:
        survivors.end(folder.read_process_ids(), str(folder.root))
        environment = {
            "STORAGE_CACHE": str(environments.cache_folder() / "storage"),
            **os.environ,
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }
        surroundings = Surroundings(folder.root, environment, find_program, environments.command)
        identity = ProcessId(os.getpid(), psutil.Process().create_time())
        asyncio.run(Supervisor(folder, surroundings, identity, lock).run())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
