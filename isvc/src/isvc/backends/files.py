"""Writes what ConfigMaps and Secrets say as files, below the state folder of a project; and removes what nobody wants.

The folder above them is for its owner alone. Each file is renamed into its place, so that a reader sees the old one or
the new one; a unit that is running sees the new one, as in a cluster.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from isvc.plan.units import FILES, Files, ServicePlan

CONTAINER_UID = 1000
"""As which containers run."""


def write(root: Path, services: Iterable[ServicePlan], *, contained: bool) -> None:
    """`root` is the project's folder; `contained` says that containers will read them."""
    wanted: dict[Path, Files] = {}
    for service in services:
        base = root / service.namespace / service.name
        wanted |= {base / files.directory.name: files for unit in service.units for files in unit.files}
    for folder in root.glob(f"*/*/{FILES}/*"):
        if folder not in wanted:
            shutil.rmtree(folder)
    for folder, files in wanted.items():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.parent.chmod(0o700)
        _write(folder, files, contained=contained)


def _write(folder: Path, files: Files, *, contained: bool) -> None:
    kept = {folder / file.path for file in files.files}
    for old in folder.rglob("*"):
        if old.is_file() and old not in kept:
            old.unlink()
    folder.mkdir(exist_ok=True)
    for file in files.files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.new")
        beside.unlink(missing_ok=True)
        beside.touch(mode=0o600)
        beside.write_bytes(base64.b64decode(file.content))
        beside.chmod(_mode(file.mode, beside, contained=contained))
        beside.replace(path)


def _mode(mode: int, path: Path, *, contained: bool) -> int:
    """As it is wanted; where a container's user is not the one who writes here, readable behind the closed folder."""
    if not contained or os.geteuid() == CONTAINER_UID:
        return mode
    if os.geteuid() == 0:
        os.chown(path, CONTAINER_UID, CONTAINER_UID)
        return mode
    return mode | 0o444
