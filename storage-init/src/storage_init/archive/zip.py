"""zip, read with zipfile; what is written is decided in extraction.py."""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from pathlib import Path
from typing import IO, cast

from storage_init.archive.bounded import Bounded
from storage_init.archive.extraction import CHUNK, Extraction
from storage_init.errors import ArchiveCorrupted

_ENCRYPTED = 0x1
_LONGEST_TARGET = 4096
_LONGEST_ENTRY = 512
"""Bytes in the directory of the archive, which zipfile reads whole; on average, name and extra fields included."""


def unpack(archive: Path, extraction: Extraction) -> None:
    """Feed each member of `archive` to `extraction`; raise ArchiveCorrupted if one cannot be read."""
    try:
        most = max(CHUNK, extraction.limits.entries * _LONGEST_ENTRY)
        with archive.open("rb") as plain, zipfile.ZipFile(cast(IO[bytes], Bounded(plain, extraction, most))) as members:
            for member in members.infolist():
                _feed(members, member, extraction)
    except NotImplementedError as exc:
        raise extraction.refusal(f"is packed in a way that cannot be read here ({exc})", "Pack it again.") from exc
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError) as exc:
        raise ArchiveCorrupted(
            f"The archive '{archive.name}' cannot be read to its end: {exc or type(exc).__name__}. "
            f"It is damaged, incomplete, or not what its name says; fetch or pack it again."
        ) from exc


def _feed(members: zipfile.ZipFile, member: zipfile.ZipInfo, extraction: Extraction) -> None:
    name = member.orig_filename  # `filename` is cut at a NUL
    if member.flag_bits & _ENCRYPTED:
        raise extraction.refusal(f"has the entry '{name}', which is encrypted", "Pack it again without a password.")
    mode = member.external_attr >> 16  # what Unix stores there; 0 from elsewhere
    kind = stat.S_IFMT(mode)
    if name.endswith("/") or kind == stat.S_IFDIR:
        extraction.folder(name)
    elif kind in (0, stat.S_IFREG):
        with members.open(member) as source:
            extraction.file(name, source, executable=bool(mode & 0o100))
    elif kind == stat.S_IFLNK:
        extraction.link(name, _target(members, member))
    else:
        raise extraction.refusal(f"has the entry '{name}', which is a device or another special file")


def _target(members: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    with members.open(member) as source:
        return source.read(_LONGEST_TARGET + 1).decode()
