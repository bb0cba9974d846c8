"""Fetching items: several at once, ranges of a large one at once, going on where an earlier attempt or run stopped."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from storage_init.errors import FetchFailed, FetchInterrupted
from storage_init.meter import Meter, size
from storage_init.objects.depot import Depot, Partial
from storage_init.objects.item import Digest, Item, Store
from storage_init.retry import Patience
from storage_init.settings import Settings
from storage_init.threads import in_thread

logger = logging.getLogger(__name__)

_PROGRESS = 1 << 20
"""Bytes after which an attempt has got somewhere, and the next failure is a first one again."""
_HASHED_AT_ONCE = 4 << 20
Job = TypeVar("Job")


class Collection:
    """The items of `store`, an address shown as `shown`, becoming files."""

    def __init__(self, store: Store, shown: str, depot: Depot, settings: Settings, meter: Meter) -> None:
        self._store = store
        self._shown = shown
        self._depot = depot
        self._settings = settings
        self._meter = meter
        self._doubted = False

    async def gather(self, items: Iterable[Item], into: Path) -> None:
        """Put all `items` into the folder `into`. Raises the first StorageError; what is whole by then is kept."""
        every = list(items)
        for folder in sorted({(into / item.name if item.folder else (into / item.name).parent) for item in every}):
            folder.mkdir(parents=True, exist_ok=True)
        files = [item for item in every if not item.folder]
        small = [item for item in files if not self._is_large(item)]
        await _at_once(self._settings.files_at_once, small, lambda item: self._file(item, f"{into}/{item.name}"))
        for item in files:
            if self._is_large(item):
                await self._file(item, f"{into}/{item.name}")

    def missing(self, items: Iterable[Item]) -> int:
        """The bytes of `items` that are not in the depot."""
        return sum(item.size or 0 for item in items if not self._depot.find(self._name(item), item))

    def _is_large(self, item: Item) -> bool:
        return bool(item.version) and item.size is not None and item.size > self._settings.part_bytes

    def _name(self, item: Item) -> str:
        return self._depot.name(self._store.identity, item)

    async def _file(self, item: Item, target: str) -> None:
        if item.size == 0:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
            return
        name = self._name(item)
        whole = self._depot.find(name, item)
        if whole is not None:
            self._meter.reuse(item.size or 0)
        else:
            whole = await self._fetched(name, item)
        if item.version:
            self._depot.place(whole, target)
        else:
            self._depot.give(whole, target)

    async def _fetched(self, name: str, item: Item) -> str:
        async with self._depot.claim(name) as partial:
            whole = self._depot.find(name, item) if self._depot.shared else None
            if whole is None:
                return await self._fetch(name, item, partial)
            partial.remove()  # somebody else was fetching it
            self._meter.reuse(item.size or 0)
            return whole

    async def _fetch(self, name: str, item: Item, partial: Partial) -> str:
        try:
            seen = await self._bytes(item, partial)
            if self._differs(item, seen):
                partial.clear()
                again = await self._bytes(item, partial)
                if self._differs(item, again):
                    self._accept_or_refuse(item, seen == again)
            return self._depot.keep(name, partial, item)
        except BaseException:
            if not self._is_large(item):
                partial.remove()  # it is fetched anew, so it is of no use to the next run
            raise

    def _differs(self, item: Item, seen: str) -> bool:
        return bool(seen) and item.digest is not None and seen != item.digest.value and not self._doubted

    def _accept_or_refuse(self, item: Item, twice_the_same: bool) -> None:
        digest = item.digest
        if digest is not None and not digest.certain and twice_the_same:
            self._doubted = True  # as with objects that the store encrypts with a key of its own: the ETag is no MD5
            logger.warning("%s: the store's ETags are no checksums; sizes are compared, contents are not.", self._shown)
            return
        raise FetchFailed(
            f"'{self._shown}': the bytes of '{item.key}' do not have the checksum that the store gives for them, twice "
            f"in a row; put the object there again."
        )

    async def _bytes(self, item: Item, partial: Partial) -> str:
        """All bytes of `item` into `partial`; their digest, where the store gives one to compare it with."""
        if self._is_large(item):
            return await self._in_parts(item, item.size or 0, partial)
        partial.clear()
        hasher = _hasher(item.digest, item.size)
        await self._range(item, 0, item.size, partial, hasher.update if hasher else None)
        return hasher.hexdigest() if hasher else ""

    async def _in_parts(self, item: Item, length: int, partial: Partial) -> str:
        part = self._settings.part_bytes
        done = partial.done(part, length)
        self._meter.reuse(sum(min(part, length - start) for start in done))
        hashing = _Behind(partial.descriptor, _hasher(item.digest, length), part, length, done)

        async def fetch(start: int) -> None:
            await self._range(item, start, min(start + part, length), partial, None)
            partial.mark_done(start)
            hashing.have(start)

        missing = [start for start in range(0, length, part) if start not in done]
        async with hashing.running(self._meter):
            await _at_once(self._settings.parts_at_once, missing, fetch)
        return hashing.digest

    async def _range(
        self, item: Item, start: int, stop: int | None, partial: Partial, see: Callable[[Any], None] | None
    ) -> None:
        patience = Patience(self._settings.backoff)
        at = start
        while True:
            began = at
            try:
                async with self._store.read(item, at, stop) as chunks:
                    async for chunk in chunks:
                        if stop is not None and at + len(chunk) > stop:
                            raise FetchFailed(f"'{self._shown}': '{item.key}' is longer than the store said it is.")
                        partial.write(chunk, at)
                        if see:
                            see(chunk)
                        at += len(chunk)
                        self._meter.advance(len(chunk))
                if stop is None or at == stop:
                    return
                broken = FetchInterrupted(
                    f"'{self._shown}' is truncated: '{item.key}' ended after {size(at)} of {size(item.size or stop)}."
                )
            except FetchInterrupted as exc:
                broken = exc
            if not item.version:  # nothing says that the next answer is of the same bytes
                self._meter.advance(start - at)
                at = start
            elif at - began >= _PROGRESS:
                patience.renew()
            await patience.bear(broken)


class _Behind:
    """Hashes the parts of an object in order, in a thread, while later parts are still being fetched."""

    def __init__(self, descriptor: int, hasher: Any, part: int, length: int, done: set[int]) -> None:
        self._descriptor = descriptor
        self._hasher = hasher
        self._part = part
        self._length = length
        self._done = set(done)
        self._more = asyncio.Event()
        self.digest = ""

    def have(self, start: int) -> None:
        self._done.add(start)
        self._more.set()

    @contextlib.asynccontextmanager
    async def running(self, meter: Meter) -> AsyncIterator[None]:
        if self._hasher is None:
            yield
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._run(meter))
                yield
        except BaseExceptionGroup as exc:
            raise first(exc) from exc

    async def _run(self, meter: Meter) -> None:
        at = 0
        while at < self._length:
            if at not in self._done:
                self._more.clear()
                await self._more.wait()
                continue
            stop = min(at + self._part, self._length)
            await in_thread(meter, lambda start=at, stop=stop: self._hash(start, stop))  # type: ignore[misc]
            at = stop
        self.digest = self._hasher.hexdigest()

    def _hash(self, start: int, stop: int) -> None:
        while start < stop:
            data = os.pread(self._descriptor, min(_HASHED_AT_ONCE, stop - start), start)
            self._hasher.update(data)
            start += len(data)


def _hasher(digest: Digest | None, length: int | None) -> Any:
    if digest is None:
        return None
    if digest.algorithm == "git-sha1":
        return hashlib.sha1(f"blob {length}\0".encode(), usedforsecurity=False)
    return hashlib.new(digest.algorithm, usedforsecurity=False)


async def _at_once(most: int, jobs: Iterable[Job], work: Callable[[Job], Coroutine[Any, Any, None]]) -> None:
    """`work` on every job, `most` of them at a time; the first that fails ends the others, and is what is raised."""
    left: Iterator[Job] = iter(jobs)

    async def go_on() -> None:
        for job in left:
            await work(job)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(most):
                group.create_task(go_on())
    except BaseExceptionGroup as exc:
        raise first(exc) from exc


def first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The exception that ended a group of tasks."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
