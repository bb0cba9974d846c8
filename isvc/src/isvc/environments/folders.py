"""Where environments are kept, and where the roles stand that they are made for."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from isvc.errors import EnvironmentFailed


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/kserve-local`, by default under `~/.cache`: shared by all checkouts of this user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kserve-local"


def environment_folder(name: str, lock: Path) -> Path:
    """Named by a hash of the lock and of the interpreter, so that a changed one gets another environment."""
    seen = hashlib.sha256(lock.read_bytes() + sys.version.encode())
    return cache_folder() / f"{name}-{seen.hexdigest()[:12]}"


def role_folder(role: str) -> Path:
    """The folder `role` at the top of the checkout. Raises EnvironmentFailed where isvc was installed without one."""
    for folder in Path(__file__).resolve().parents:
        if (folder / "isvc.yaml").is_file() and (folder / role).is_dir():
            return folder / role
    raise EnvironmentFailed(role, f"its folder {role}/ is not beside isvc, which does not run from a checkout")
