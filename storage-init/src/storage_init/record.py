"""What this program says about a folder it filled: a small JSON file in it, `.storage-init.json`.

With `complete` true, everything in `entries` is there, whole. With `complete` false a run was ended while it moved
`entries` in (see destination.py), and the folder is not to be used.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

RECORD = ".storage-init.json"


@dataclass(frozen=True, slots=True)
class Record:
    source: str
    """The address, without credentials."""
    identity: str
    """`Address.identity` of the source."""
    version: str
    """What the store calls this state of the source; empty if it has no such name."""
    entries: tuple[str, ...]
    """The names at the top of the folder that are ours."""
    complete: bool


def read(folder: Path) -> Record | None:
    """The record in `folder`; None where there is none, or none that this program wrote."""
    try:
        fields = json.loads((folder / RECORD).read_bytes())
        return Record(**{**fields, "entries": tuple(fields["entries"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(folder: Path, record: Record) -> None:
    """Replace the record in one step."""
    draft = folder / (RECORD + ".new")
    draft.write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
    draft.replace(folder / RECORD)
