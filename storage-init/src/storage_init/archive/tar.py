"""tar, plain or compressed, read with tarfile; what is written is decided in extraction.py.

The decompressed stream is bounded, not only the members' contents: long names and extended headers are read into
memory by tarfile, and are where a small file can ask for a lot of it.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from storage_init.archive.bounded import Bounded
from storage_init.archive.extraction import CHUNK, Extraction
from storage_init.errors import ArchiveCorrupted

Select = Callable[[tarfile.TarInfo], tarfile.TarInfo | None]
"""The member as it is to be unpacked, under another name perhaps; None for one that is not wanted."""

_BROKEN = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, ValueError)
_LONGEST_HEADER = 64 * CHUNK
_OVERHEAD = 4
"""A tar of tiny files is mostly headers and padding: 1.5 KiB for a byte. Entries have a limit of their own."""
_MAGIC: dict[bytes, Callable[[IO[bytes]], object]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}


def unpack(archive: Path, extraction: Extraction, select: Select = lambda member: member) -> None:
    """Feed to `extraction` what `select` gives of each member; raise ArchiveCorrupted if the archive ends too early."""
    try:
        with archive.open("rb") as packed, _decompressed(packed) as plain:
            stream = Bounded(plain, extraction, _LONGEST_HEADER, lambda at: extraction.check_size(at // _OVERHEAD))
            # The type is that of a file; tarfile asks for no more of it than Bounded has.
            with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r:") as members:
                for member in members:
                    if (chosen := select(member)) is not None:
                        _feed(members, chosen, extraction)
                _check_end(members, stream)
    except _BROKEN as exc:
        raise _corrupted(archive, exc) from exc
    except OSError as exc:
        if exc.errno is not None:  # the disk, not the archive
            raise
        raise _corrupted(archive, exc) from exc  # bz2 reports bad data so


def _corrupted(archive: Path, exc: Exception) -> ArchiveCorrupted:
    return ArchiveCorrupted(
        f"The archive '{archive.name}' cannot be read to its end: {exc or type(exc).__name__}. "
        f"It is damaged, incomplete, or not what its name says; fetch or pack it again."
    )


def _decompressed(packed: IO[bytes]) -> IO[bytes]:
    head = packed.read(6)
    packed.seek(0)
    opener = next((opener for magic, opener in _MAGIC.items() if head.startswith(magic)), None)
    return cast(IO[bytes], opener(packed)) if opener else packed


def _feed(members: tarfile.TarFile, member: tarfile.TarInfo, extraction: Extraction) -> None:
    name = member.name
    try:
        tarfile.data_filter(member, str(extraction.root))  # the standard library's own opinion, next to ours
    except tarfile.FilterError as exc:
        raise extraction.refusal(f"has the entry '{name}', which leads out of it or is not a file") from exc
    if member.isdir():
        extraction.folder(name)
    elif member.isreg() and (source := members.extractfile(member)):
        with source:
            extraction.file(name, source, executable=bool(member.mode & 0o100))
    elif member.issym():
        extraction.link(name, member.linkname)
    else:
        kind = "a hard link" if member.islnk() else "a device or another special file"
        raise extraction.refusal(f"has the entry '{name}', which is {kind}")


def _check_end(members: tarfile.TarFile, stream: Bounded) -> None:
    """tarfile takes a damaged header for the end. The end is a block of zeros, and what follows has its checksum."""
    stream.seek(members.offset)
    if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("no end-of-archive mark")
    while stream.read(CHUNK):
        pass
