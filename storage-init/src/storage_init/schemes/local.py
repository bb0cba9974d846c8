"""`file://` and plain paths: a copy of a folder's contents, or of one file.

A copy and not hard links: a user who edits the source, or a server that writes into its model, would change both. Where
the filesystem can share blocks (Btrfs, XFS), copy_file_range(2) shares them, and the copy costs neither time nor space.
Symbolic links are followed where they lead to something inside the source, and are an error where they lead out of it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from storage_init.address import Address, local_path
from storage_init.errors import AddressInvalid, FetchFailed, SourceNotFound, SourceRefused
from storage_init.meter import Meter
from storage_init.objects.depot import Depot
from storage_init.record import RECORD
from storage_init.schemes.scheme import Fetched, Outcome, Scheme, Unchanged, refuse_lack_of_room
from storage_init.settings import Settings
from storage_init.threads import in_thread

_CHUNK = 8 << 20
_CANNOT_SHARE = {errno.ENOSYS, errno.EXDEV, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder of the source, links followed. `name` is relative; for a folder `size` and `modified` are 0."""

    name: str
    path: Path
    folder: bool
    size: int
    modified: int
    executable: bool


def open(settings: Settings) -> Scheme:
    """The scheme of local paths; what bounds a copy is the deadline of the run, so nothing of `settings` is used."""
    return Local()


class Local:
    async def fetch(self, address: Address, into: Path, known: str, meter: Meter, depot: Depot) -> Outcome:
        return await in_thread(meter, lambda: _fetch(address, into, known, meter))


def _fetch(address: Address, into: Path, known: str, meter: Meter) -> Outcome:
    source = local_path(address)
    if source is None:
        raise AddressInvalid(f"'{address.shown}' is not a path of this machine.")
    entries = list_entries(source, address.shown)
    version = fingerprint(entries)
    if version == known:
        return Unchanged()
    total = sum(entry.size for entry in entries)
    refuse_lack_of_room(address, into, total)
    meter.begin("copied", total)
    for entry in entries:
        if entry.folder:
            (into / entry.name).mkdir()
        else:
            _copy(entry, into / entry.name, meter)
    return Fetched(version)


def list_entries(source: Path, shown: str) -> list[Entry]:
    """The files and folders in `source`, each folder before what is in it; for a file, that file."""
    try:
        root = source.resolve(strict=True)
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise SourceNotFound(
            f"Nothing stands at '{shown}' (looked for {source.absolute()}). "
            f"Check the path, and the mapping under 'storage:' in isvc.yaml if it comes from there."
        ) from exc
    except RuntimeError as exc:  # what Path.resolve says of links in a circle
        raise SourceRefused(f"'{shown}' is a symbolic link that leads in a circle.") from exc
    entries = list(_walk(root, root, "", (root,))) if root.is_dir() else [_entry(root, source.name)]
    if all(entry.folder for entry in entries):
        raise SourceNotFound(f"No model found in '{shown}': there is no file in {root}.")
    return entries


def fingerprint(entries: list[Entry]) -> str:
    """Changes with any name, size, modification time or executable bit."""
    facts = ((entry.name, entry.folder, entry.size, entry.modified, entry.executable) for entry in entries)
    return hashlib.sha256(repr(sorted(facts)).encode()).hexdigest()


def _walk(root: Path, folder: Path, prefix: str, above: tuple[Path, ...]) -> Iterator[Entry]:
    for path in sorted(folder.iterdir()):
        if folder == root and path.name.startswith(RECORD):
            continue  # the source was itself put there by this program
        name = prefix + path.name
        real = _follow(path, root, name) if path.is_symlink() else path
        yield _entry(real, name)
        if real.is_dir():
            if real in above:
                raise SourceRefused(f"The symbolic link '{name}' in {root} leads to a folder that it is in.")
            yield from _walk(root, real, name + "/", (*above, real))


def _follow(link: Path, root: Path, name: str) -> Path:
    try:
        real = link.resolve(strict=True)
    except (OSError, RuntimeError) as exc:
        raise SourceRefused(f"The symbolic link '{name}' in {root} leads to nothing; mend or remove it.") from exc
    if not real.is_relative_to(root):
        raise SourceRefused(
            f"The symbolic link '{name}' in {root} leads out of it, to {real}. "
            f"Name a folder that holds both, or make a copy without links: cp -rL."
        )
    return real


def _entry(path: Path, name: str) -> Entry:
    facts = path.stat()
    if stat.S_ISDIR(facts.st_mode):
        return Entry(name, path, folder=True, size=0, modified=0, executable=False)
    if not stat.S_ISREG(facts.st_mode):
        raise SourceRefused(f"'{path}' is neither a file nor a folder (a pipe, a socket or a device); remove it.")
    executable = bool(facts.st_mode & stat.S_IXUSR)
    return Entry(name, path, False, facts.st_size, facts.st_mtime_ns, executable)


def _copy(entry: Entry, target: Path, meter: Meter) -> None:
    with entry.path.open("rb", buffering=0) as source, target.open("xb", buffering=0) as sink:
        copied = sum(_counted(_pieces(source, sink), meter))
        facts = os.fstat(source.fileno())
    if (copied, facts.st_mtime_ns) != (entry.size, entry.modified):
        raise FetchFailed(f"'{entry.path}' changed while it was copied; run this again when it is written.")
    target.chmod(0o755 if entry.executable else 0o644)


def _counted(pieces: Iterator[int], meter: Meter) -> Iterator[int]:
    for piece in pieces:
        meter.advance(piece)
        yield piece


def _pieces(source: FileIO, sink: FileIO) -> Iterator[int]:
    """Copy in the kernel where it can; yield the bytes of each step."""
    shared = hasattr(os, "copy_file_range")
    while True:
        try:
            count = os.copy_file_range(source.fileno(), sink.fileno(), _CHUNK) if shared else _move(source, sink)
        except OSError as exc:
            if not shared or exc.errno not in _CANNOT_SHARE:
                raise
            shared = False
            continue
        if not count and not (count := _move(source, sink)):  # some filesystems give 0 for files they cannot share
            return
        yield count


def _move(source: FileIO, sink: FileIO) -> int:
    data = source.read(_CHUNK)
    view = memoryview(data)
    while view:
        view = view[sink.write(view) :]
    return len(data)
