"""Units as containers of one Compose project.

backend.py     (client)  what `isvc` calls: writes the Compose file, has Docker run it, reads the containers
render.py      (pure)    a plan -> the Compose model, and the ingress' routes
site.py        (pure)    which address, which path: KServe's service names, and where folders are mounted
text.py        (pure)    YAML written to be read
observe.py     (pure)    `docker inspect` and `docker compose logs` -> the status of units, log lines
progress.py    (pure)    what a build or a start says -> news, and the reason of a failure
engine.py                the `docker` command
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isvc.backends.compose.backend import ComposeBackend
    from isvc.backends.folder import ProjectFolder

FILE = "compose.yaml"
"""In the folder of a project; it marks the project as one of Compose's."""
IMAGES_FILE = "images.yaml"
"""Beside it: the images that are built for the project."""
TRITON_IMAGE = "TRITON_IMAGE"
"""The variable that names an image of Triton to run in the place of the one that is built."""


def has_file(project: Path) -> bool:
    """Whether the project of this folder is one of Compose's; it may be down, and have volumes still."""
    return (project / FILE).exists()


def possible() -> bool:
    """Whether an engine answers and has Compose v2."""
    if shutil.which("docker") is None:  # spares most machines without Docker the import
        return False
    from isvc.backends.compose import engine

    return engine.problem() is None


def connect(folder: ProjectFolder, say: Callable[[str], None]) -> ComposeBackend:
    """The backend of the project in `folder`; `say` is told what a build does."""
    # Imported when called for: a project of processes has no use for it, and every command would wait for YAML.
    from isvc.backends.compose import backend, engine

    docker = engine.Project(backend.project_name(folder.root), folder.root / FILE, say)
    return backend.ComposeBackend(folder, docker, say)
