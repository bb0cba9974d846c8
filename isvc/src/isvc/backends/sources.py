"""What stands in a build folder, in a word: edited transformer code is a change that `up` has to see."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_MOST_FILES = 5000
"""A folder with more is not one that someone edits between two runs; the rest is not looked at."""
_NOT_SOURCES = frozenset({"__pycache__", "node_modules"})


def digest(folder: Path) -> str:
    """Changes when a file under `folder` is added, removed, renamed or written. Hidden folders do not count."""
    seen = hashlib.sha256()
    for count, file in enumerate(_files(folder)):
        if count == _MOST_FILES:
            break
        found = file.stat()
        seen.update(f"{file.relative_to(folder)}\0{found.st_mtime_ns}\0{found.st_size}\n".encode())
    return seen.hexdigest()[:16]


def _files(folder: Path) -> list[Path]:
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _NOT_SOURCES and not name.startswith("."))
        found += [path for name in sorted(names) if (path := Path(where, name)).is_file()]
    return found
