"""An object of a store as it is to become a file, and the one question that is asked of a store about it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from storage_init.errors import SourceNotFound, SourceRefused
from storage_init.record import RECORD

Chunk = bytes | memoryview
Chunks = AbstractAsyncContextManager[AsyncIterator[Chunk]]


@dataclass(frozen=True, slots=True)
class Digest:
    """What the store says the bytes hash to. `certain` is False where it may be something else that looks like it."""

    algorithm: str
    """`md5`, `sha256`, or `git-sha1`: the name that Git has for the bytes as a blob."""
    value: str
    """In hexadecimal."""
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Item:
    """`name` is the file's path below the destination, `key` what the store calls it."""

    name: str
    key: str
    size: int | None
    """None where it is known only at the end; then `version` is empty."""
    version: str
    """What changes with the bytes (an ETag, a digest). Empty if there is none: then nothing of it is kept."""
    modified: float | None = None
    """Seconds since the epoch."""
    digest: Digest | None = None
    folder: bool = False
    named: bool = False
    """The address names this very object, so that no pattern applies to it."""


class Store(Protocol):
    """Where items come from."""

    @property
    def identity(self) -> str:
        """Which store it is, without credentials: two items of one identity, key and version are the same bytes."""
        ...

    def read(self, item: Item, start: int, stop: int | None) -> Chunks:
        """The bytes of `item` from `start` to `stop`, or to its end, as they come.

        Raises FetchInterrupted where another attempt may help, and what else a StorageError can be.
        """
        ...


def sound(items: Sequence[Item], shown: str) -> list[Item]:
    """`items` as files and folders can stand on a disk: folders' own markers are folders.

    Raises SourceNotFound where there is no file, SourceRefused for names that cannot be a file's.
    """
    above = {str(parent) for item in items for parent in PurePosixPath(item.name).parents}
    kept = []
    for item in items:
        if item.name.partition("/")[0].startswith(RECORD):
            continue  # the store was filled from a folder that this program filled
        if item.name.startswith("/") or ".." in item.name.split("/") or "\0" in item.name or not item.name:
            raise SourceRefused(f"'{shown}' has an object {item.name!r}, which cannot be a file's name; remove it.")
        if item.name not in above:
            kept.append(item)
        elif item.size:
            raise SourceRefused(
                f"'{shown}' has both an object '{item.name}' and objects below it, which no folder can; rename one."
            )
    if not any(not item.folder for item in kept):
        raise SourceNotFound(f"No model found at '{shown}': there is no object at or below it. Check the address.")
    return kept


def version(items: Sequence[Item]) -> str:
    """Changes with any name, size or version; empty where one of the items has no version."""
    if any(not item.version and item.size and not item.folder for item in items) or any(i.size is None for i in items):
        return ""
    facts = sorted((item.name, item.size, item.version, item.folder) for item in items)
    return hashlib.sha256(repr(facts).encode()).hexdigest()
