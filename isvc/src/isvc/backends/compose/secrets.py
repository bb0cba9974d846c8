"""Where a container's secret variables stand: in a file, so that neither Compose's file nor `docker inspect` has them.

The storage initializer reads the file that a variable of it names. The folder is for nobody but the user; the files in
it can be read by anybody who gets there, since the container's user is another.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from isvc.backends.compose.site import service_key, units
from isvc.plan.units import Plan, ServicePlan, Unit

VARIABLE = "STORAGE_ENVIRONMENT_FILE"
_FOLDER = "/run/secrets"
_ROUNDS = 20_000


def name(service: ServicePlan, unit: Unit, folder: str) -> str:
    """The file of `unit`. It changes with the contents, so that Compose makes the container anew, and tells nothing of
    them: `folder` is the salt of a slow hash."""
    mark = hashlib.pbkdf2_hmac("sha256", _contents(unit).encode(), folder.encode(), _ROUNDS).hex()[:8]
    return f"{service_key(service, unit)}-{mark}.json"


def target(service: ServicePlan, unit: Unit, folder: str) -> str:
    """Where its container sees it."""
    return f"{_FOLDER}/{name(service, unit, folder)}"


def write(plan: Plan, folder: Path) -> None:
    """Make `folder` hold the files of `plan`, and no others."""
    wanted = {name(service, unit, str(folder)): _contents(unit) for service, unit in units(plan) if unit.secrets}
    if wanted:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    for file in folder.glob("*.json"):
        if file.name not in wanted:
            file.unlink()
    for file_name, contents in wanted.items():
        file = folder / file_name
        file.unlink(missing_ok=True)
        file.write_text(contents)
        file.chmod(0o444)


def _contents(unit: Unit) -> str:
    return json.dumps(dict(unit.secrets))
