"""Unpacking, as KServe does it: only where exactly one file was fetched, and its name says that it is an archive.

A TorchServe `.mar` is a zip by content and a model by name: it stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from storage_init.archive import tar, zip
from storage_init.archive.extraction import Extraction
from storage_init.errors import ArchiveRefused
from storage_init.meter import Meter
from storage_init.settings import Limits

Unpack = Callable[[Path, Extraction], None]

KINDS: dict[str, Unpack] = {
    ".tar": tar.unpack,
    ".tar.gz": tar.unpack,
    ".tgz": tar.unpack,
    ".tar.bz2": tar.unpack,
    ".tbz2": tar.unpack,
    ".tar.xz": tar.unpack,
    ".txz": tar.unpack,
    ".zip": zip.unpack,
}


def recognise(name: str) -> Unpack | None:
    """How to unpack a file of this name; None if it is not an archive."""
    lower = name.lower()
    return next((unpack for suffix, unpack in KINDS.items() if lower.endswith(suffix) and lower != suffix), None)


def sole_archive(folder: Path) -> Path | None:
    """The archive in `folder`, if that is the one file in it; None otherwise."""
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    return files[0] if len(files) == 1 and recognise(files[0].name) else None


def unpack(archive: Path, into: Path, limits: Limits, meter: Meter) -> None:
    """Unpack `archive` into the new folder `into`; raise ArchiveRefused or ArchiveCorrupted, naming the archive."""
    kind = recognise(archive.name)
    if kind is None:
        raise ArchiveRefused(f"'{archive.name}' is not an archive of a kind known here: {', '.join(KINDS)}.")
    meter.begin("unpacked")
    into.mkdir()
    extraction = Extraction(archive.name, archive.stat().st_size, into, limits, meter)
    kind(archive, extraction)
    extraction.finish()
