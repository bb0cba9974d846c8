"""What was fetched, by what it is: whole objects that services share, and parts that a later run goes on from.

    whole/ab/<name>        an object, complete, never written again
    partial/<name>         one that is being fetched, or was when a run ended
    partial/<name>.parts   which parts of it are there

`<name>` hashes the store, the key, its version and size, so that another version is another name. A whole object is
linked or cloned into a model, not copied. A link is the same file: it is read-only, and its time of modification is the
store's, so that one which a server wrote into is known and fetched again.

A depot is the cache of this machine, or a folder beside the destination that goes when the model is complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

from storage_init.objects.item import Item

_READ_ONLY = 0o444
_NO_TIME = 315_532_800  # 1980-01-01, where the store tells none
_LOOK_AGAIN = 0.05
_CLONE = 0x40049409  # FICLONE, ioctl_ficlonerange(2)
_ABANDONED = 14 * 86400.0
_CANNOT_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS}


class Depot:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._clones = hasattr(fcntl, "ioctl") and os.uname().sysname == "Linux"

    def name(self, identity: str, item: Item) -> str:
        facts = repr((identity, item.key, item.version, item.size))
        return hashlib.sha256(facts.encode()).hexdigest()

    def find(self, name: str, item: Item) -> Path | None:
        """The whole object, if it is here as it was fetched."""
        if not item.version:
            return None
        path = self._whole(name)
        try:
            facts = path.stat()
        except FileNotFoundError:
            return None
        if facts.st_size == item.size and facts.st_mtime_ns == _stamp(item):
            return path
        path.unlink(missing_ok=True)  # a server wrote into its model
        return None

    @contextlib.asynccontextmanager
    async def claim(self, name: str) -> AsyncIterator[Partial]:
        """The partial object `name`, for this process alone; another that fetches the same is waited for."""
        partial = None
        while partial is None:
            partial = self._try(name)
            if partial is None:
                await asyncio.sleep(_LOOK_AGAIN)
        try:
            yield partial
        finally:
            partial.close()

    def keep(self, name: str, partial: Partial, item: Item) -> Path:
        """`partial` is whole: from now on `find` finds it."""
        os.fchmod(partial.descriptor, _READ_ONLY)
        os.utime(partial.descriptor, ns=(_stamp(item), _stamp(item)))
        whole = self._whole(name)
        whole.parent.mkdir(parents=True, exist_ok=True)
        partial.path.rename(whole)
        partial.parts.unlink(missing_ok=True)
        return whole

    def place(self, whole: Path, target: Path) -> None:
        """Make `target` have the bytes of `whole`, at the least cost that the filesystem allows."""
        if self._clones:
            self._clones = _clone(whole, target)
        if not self._clones:
            try:
                os.link(whole, target)
            except OSError as exc:
                if exc.errno not in _CANNOT_LINK:
                    raise
                shutil.copy2(whole, target)

    def give(self, whole: Path, target: Path) -> None:
        """`place` for an object without a version: it is not kept."""
        whole.rename(target)
        target.chmod(0o644)

    def tidy(self) -> None:
        """Remove what runs left that nobody went on with, and folders that hold nothing."""
        for path in self.folder.glob("partial/*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()
        for folder in (*self.folder.glob("whole/*"), self.folder / "whole", self.folder / "partial", self.folder):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _whole(self, name: str) -> Path:
        return self.folder / "whole" / name[:2] / name

    def _try(self, name: str) -> Partial | None:
        path = self.folder / "partial" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(path.stat(), os.fstat(descriptor)):
                return Partial(path, descriptor)
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(descriptor)
        return None


class Partial:
    """An object that is not whole yet. A part is written down as done after its bytes are, and so is there if it says
    so, whenever this process ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.parts = path.with_name(path.name + ".parts")
        self.descriptor = descriptor

    def write(self, data: bytes | memoryview, at: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self.descriptor, view, at)
            view, at = view[written:], at + written

    def done(self, length: int) -> set[int]:
        """Where the parts of `length` bytes begin that are there."""
        try:
            head, *starts = self.parts.read_text().split("\n")
        except FileNotFoundError:
            head, starts = "", []
        if head != str(length):
            self.parts.write_text(f"{length}\n")
            return set()
        return {int(start) for start in starts[:-1]}  # the last has no newline after it: it is empty, or cut off

    def mark_done(self, start: int) -> None:
        with self.parts.open("a") as parts:
            parts.write(f"{start}\n")

    def clear(self) -> None:
        os.ftruncate(self.descriptor, 0)
        self.parts.unlink(missing_ok=True)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.parts.unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self.descriptor)


def _stamp(item: Item) -> int:
    return int(_NO_TIME if item.modified is None else item.modified) * 10**9


def _clone(whole: Path, target: Path) -> bool:
    """Whether the filesystem could make `target` share the blocks of `whole` (Btrfs, XFS)."""
    with whole.open("rb") as source, target.open("xb") as sink:
        try:
            fcntl.ioctl(sink.fileno(), _CLONE, source.fileno())
        except OSError:
            target.unlink()
            return False
    shutil.copystat(whole, target)
    target.chmod(0o644)
    return True
