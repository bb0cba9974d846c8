"""What was fetched, by what it is: whole objects that services share, and parts that a later run goes on from.

    whole/<name>           an object, complete, never written again
    partial/<name>         one that is being fetched, or was when a run ended
    partial/<name>.parts   which parts of it are there

`<name>` hashes the store, the key, its version and size, so that another version is another name. A whole object is
linked or cloned into a model, not copied. A link is the same file: it is read-only, and its time of modification is the
store's, so that one which a server wrote into is known and fetched again.

Paths are strings and folders are made once: this is done for every one of many small objects.

A depot is the cache of this machine, or a folder beside the destination that goes when the model is complete.
"""

# ruff: noqa: PTH101, PTH103, PTH104, PTH106, PTH108, PTH116, PTH123
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
    def __init__(self, folder: Path, *, shared: bool = False) -> None:
        """With `shared`, other processes use the folder at the same time."""
        self.folder = folder
        self.shared = shared
        self._whole = str(folder / "whole")
        self._partial = str(folder / "partial")
        self._made = False
        self._clones = hasattr(fcntl, "ioctl") and os.uname().sysname == "Linux"

    def name(self, identity: str, item: Item) -> str:
        facts = repr((identity, item.key, item.version, item.size))
        return hashlib.sha256(facts.encode()).hexdigest()

    def find(self, name: str, item: Item) -> str | None:
        """The whole object, if it is here as it was fetched."""
        if not item.version:
            return None
        path = f"{self._whole}/{name}"
        try:
            facts = os.stat(path)
        except FileNotFoundError:
            return None
        if facts.st_size == item.size and facts.st_mtime_ns == _stamp(item):
            return path
        Path(path).unlink(missing_ok=True)  # a server wrote into its model
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

    def keep(self, name: str, partial: Partial, item: Item) -> str:
        """`partial` is whole: from now on `find` finds it."""
        os.utime(partial.descriptor, ns=(_stamp(item), _stamp(item)))
        whole = f"{self._whole}/{name}"
        os.rename(partial.path, whole)
        os.fchmod(partial.descriptor, _READ_ONLY)  # last: a partial one has to be writable for the next run
        partial.forget_parts()
        return whole

    def place(self, whole: str, target: str) -> None:
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

    def give(self, whole: str, target: str) -> None:
        """`place` for an object without a version: it is not kept."""
        os.rename(whole, target)
        os.chmod(target, 0o644)

    def tidy(self) -> None:
        """Remove what runs left that nobody went on with, and folders that hold nothing and are nobody else's."""
        for path in self.folder.glob("partial/*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()
        for folder in () if self.shared else (self._whole, self._partial, self.folder):
            with contextlib.suppress(OSError):
                os.rmdir(folder)

    def _make(self) -> None:
        os.makedirs(self._whole, exist_ok=True)
        os.makedirs(self._partial, exist_ok=True)
        self._made = True

    def _try(self, name: str) -> Partial | None:
        if not self._made:
            self._make()
        path = f"{self._partial}/{name}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        if not self.shared:  # whoever fills the destination holds its lock
            return Partial(path, descriptor, begun=os.fstat(descriptor).st_size > 0)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            facts = os.fstat(descriptor)
            if os.path.samestat(os.stat(path), facts):
                return Partial(path, descriptor, begun=facts.st_size > 0)
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(descriptor)
        return None


class Partial:
    """An object that is not whole yet. A part is written down as done after its bytes are, and so is there if it says
    so, whenever this process ends."""

    def __init__(self, path: str, descriptor: int, *, begun: bool) -> None:
        self.path = path
        self.descriptor = descriptor
        self._parts = f"{path}.parts"
        self._begun = begun
        self._in_parts = False

    def write(self, data: bytes | memoryview, at: int) -> None:
        self._begun = True
        view = memoryview(data)
        while view:
            written = os.pwrite(self.descriptor, view, at)
            view, at = view[written:], at + written

    def done(self, part: int, length: int) -> set[int]:
        """Where the parts begin that are there, of an object of `length` bytes in parts of `part`.

        A journal is believed only beside a file of that length. One that stayed alone, because a run ended between two
        removals, would say of zeros that they are the object's bytes.
        """
        self._in_parts = True
        head, starts = "", [""]
        if os.fstat(self.descriptor).st_size == length:
            with contextlib.suppress(FileNotFoundError):
                head, *starts = Path(self._parts).read_text().split("\n")
        if head == str(part):
            return {int(start) for start in starts[:-1]}  # the last has no newline after it: it is empty, or cut off
        Path(self._parts).write_text(f"{part}\n")
        os.ftruncate(self.descriptor, length)  # after the journal is empty
        return set()

    def mark_done(self, start: int) -> None:
        with Path(self._parts).open("a") as parts:
            parts.write(f"{start}\n")

    def clear(self) -> None:
        if self._begun:
            Path(self._parts).unlink(missing_ok=True)  # first: what it says is no longer so
            os.ftruncate(self.descriptor, 0)

    def remove(self) -> None:
        Path(self._parts).unlink(missing_ok=True)
        Path(self.path).unlink(missing_ok=True)

    def forget_parts(self) -> None:
        if self._in_parts:
            Path(self._parts).unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self.descriptor)


def _stamp(item: Item) -> int:
    return int(_NO_TIME if item.modified is None else item.modified) * 10**9


def _clone(whole: str, target: str) -> bool:
    """Whether the filesystem could make `target` share the blocks of `whole` (Btrfs, XFS)."""
    with open(whole, "rb") as source, open(target, "xb") as sink:
        try:
            fcntl.ioctl(sink.fileno(), _CLONE, source.fileno())
        except OSError:
            os.unlink(target)
            return False
    shutil.copystat(whole, target)
    os.chmod(target, 0o644)
    return True
