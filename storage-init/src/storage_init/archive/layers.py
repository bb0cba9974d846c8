"""The layers of an image, one over the other, as far as they are below `/models`.

A layer removes what an earlier one has by a file called `.wh.<name>`, or `.wh..wh..opq` for all that a folder has (the
OCI image specification, "Whiteouts").
"""

from __future__ import annotations

import copy
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from storage_init.archive import tar
from storage_init.archive.extraction import Extraction
from storage_init.errors import SourceNotFound
from storage_init.meter import Meter
from storage_init.settings import Limits

MODELS = "models"
_REMOVED = ".wh."
_EMPTIED = ".wh..wh..opq"


def unpack(layers: Sequence[Path], into: Path, shown: str, limits: Limits, meter: Meter) -> None:
    """Fill the folder `into` from `layers`, the lowest first. Raises SourceNotFound where none has `/models`."""
    meter.begin("unpacked")
    for layer in layers:
        upper = layer.with_suffix(".unpacked")
        upper.mkdir()
        extraction = Extraction(layer.name, layer.stat().st_size, upper, limits, meter)
        tar.unpack(layer, extraction, _below_models)
        extraction.finish()
        _lay_over(into, upper)
    if not any(path.is_file() for path in into.rglob("*")):
        raise SourceNotFound(f"No model found in '{shown}': the image has no file below /{MODELS}.")


def _below_models(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = PurePosixPath(member.name.lstrip("/")).parts
    if len(parts) < 2 or parts[0] != MODELS:
        return None
    chosen = copy.copy(member)
    chosen.name = str(PurePosixPath(*parts[1:]))
    return chosen


def _lay_over(lower: Path, upper: Path) -> None:
    for path in sorted(upper.iterdir(), key=lambda path: not path.name.startswith(_REMOVED)):
        target = lower / path.name
        if path.name == _EMPTIED:
            for old in lower.iterdir():
                _remove(old)
        elif path.name.startswith(_REMOVED):
            _remove(lower / path.name.removeprefix(_REMOVED))
        elif path.is_dir() and not path.is_symlink() and target.is_dir() and not target.is_symlink():
            _lay_over(target, path)
        else:
            _remove(target)
            path.rename(target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
