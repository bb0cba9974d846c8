"""The objects, kept in one SQLite file: what was wanted survives the control plane.

One process writes. Each write is one transaction which changes an object and appends an event to the history, so a
`kill -9` leaves it done or not begun. `resourceVersion` is the event's number: it grows by each write and is never used
twice. Watches read the history from where they stand, so none can lose an event or see one twice.

Nothing here knows HTTP, admission or what an InferenceService means. Objects that come in and go out are the caller's
own: the store keeps copies.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from isvc.server import metadata
from isvc.server.errors import AlreadyExists, Conflict, Expired, NotFound
from isvc.server.resources import Object, Resource

_SCHEMA = """
create table if not exists objects (
    resource text not null, namespace text not null, name text not null, version integer not null, body text not null,
    primary key (resource, namespace, name)) without rowid;
create table if not exists events (
    version integer primary key autoincrement, resource text not null, namespace text not null, kind text not null,
    body text not null, previous text);
"""
_BATCH = 500
_CUT_EVERY = 256
"""Writes between two looks at how long the history has grown."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change, in Kubernetes' words: ADDED, MODIFIED or DELETED. `version` is its resourceVersion."""

    version: int
    kind: str
    object: Object
    previous: Object | None = None
    """As it was before, but for ADDED."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects by namespace and name, and the version at which they were so: from there on one watches."""

    version: int
    items: list[Object]


@dataclass(frozen=True, slots=True)
class Preconditions:
    """Of a delete: only the object that is meant."""

    uid: str = ""
    resource_version: str = ""


@dataclass(frozen=True, slots=True)
class _Key:
    resource: Resource
    namespace: str
    name: str

    @property
    def row(self) -> tuple[str, str, str]:
        return self.resource.full_name, self.namespace, self.name


class Store:
    """All methods may be called from any thread, and return within milliseconds."""

    def __init__(self, path: Path, *, history: int = 10_000, clock: Callable[[], float] = time.time) -> None:
        """Opens or makes the file. `history` is how many events are kept at least for watches."""
        self._history = history
        self._clock = clock
        self._lock = threading.RLock()
        self._wakes: set[Callable[[], None]] = set()
        self._db = _open(path)
        self._writes = 0

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @property
    def version(self) -> int:
        """Of the last write."""
        with self._lock:
            row = self._db.execute("select seq from sqlite_sequence where name = 'events'").fetchone()
        return int(row[0]) if row else 0

    @property
    def subscribers(self) -> int:
        """How many there are now."""
        with self._lock:
            return len(self._wakes)

    def create(
        self, resource: Resource, body: Object, *, manager: str = "", applied: bool = False, dry_run: bool = False
    ) -> Object:
        """Store a new object; uid, times, generation and resourceVersion are the store's. Raises AlreadyExists.

        One that server-side apply has made (`applied`) names its managers itself.
        """
        new = metadata.born(resource, body, None if applied else manager, self._clock())
        key = _key(resource, new)
        with self._transaction():
            if self._read(key) is not None:
                raise AlreadyExists.of(resource, key.name)
            return new if dry_run else self._write(key, "ADDED", new, None)

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """Raises NotFound. Of a kind without namespaces, `namespace` is empty."""
        with self._lock:
            return self._existing(_Key(resource, namespace, name))

    def list(self, resource: Resource, namespace: str | None = None) -> Listing:
        """All objects of a kind, of one namespace or (None) of all."""
        with self._lock:
            rows = self._db.execute(
                "select body from objects where resource = ? and (? is null or namespace = ?) order by namespace, name",
                (resource.full_name, namespace, namespace),
            ).fetchall()
            return Listing(self.version, [json.loads(row[0]) for row in rows])

    def update(self, resource: Resource, body: Object, *, manager: str = "", dry_run: bool = False) -> Object:
        """Replace an object but for its status and what is the store's own. Raises NotFound, Conflict.

        Conflict if `body` has a resourceVersion and it is not the present one. Nothing is written where nothing has
        changed. An object which is being deleted goes with its last finalizer.
        """
        key = _key(resource, body)
        with self._transaction():
            old = self._guarded(key, body)
            new = metadata.renewed(resource, old, body, manager, self._clock())
            if dry_run or metadata.same(old, new):
                return old if metadata.same(old, new) else new
            if metadata.deleting(new) and not metadata.finalizers(new):
                return self._remove(key, new, old)
            return self._write(key, "MODIFIED", new, old)

    def update_status(self, resource: Resource, body: Object, *, manager: str = "", dry_run: bool = False) -> Object:
        """Replace the status of an object and nothing else. Raises NotFound, Conflict (as `update`)."""
        key = _key(resource, body)
        with self._transaction():
            old = self._guarded(key, body)
            new = metadata.with_status(old, body, manager, self._clock())
            if dry_run or metadata.same(old, new):
                return old if metadata.same(old, new) else new
            return self._write(key, "MODIFIED", new, old)

    def put(self, resource: Resource, body: Object, *, dry_run: bool = False) -> Object:
        """Replace an object by `body` as it stands, with the managers that it names. Raises NotFound, Conflict.

        For server-side apply, which settles who owns a field itself; else as `update`.
        """
        key = _key(resource, body)
        with self._transaction():
            old = self._guarded(key, body)
            new = metadata.renewed(resource, old, body, None, self._clock())
            if dry_run or metadata.same(old, new):
                return old if metadata.same(old, new) else new
            return self._write(key, "MODIFIED", new, old)

    def delete(
        self, resource: Resource, namespace: str, name: str, *, only: Preconditions | None = None, dry_run: bool = False
    ) -> tuple[Object, bool]:
        """Delete an object, or with finalizers on it mark it. What it was at last, and whether it has gone.

        Raises NotFound, and Conflict for another object than the one meant.
        """
        key = _Key(resource, namespace, name)
        with self._transaction():
            old = self._existing(key)
            _check_meant(key, old, only or Preconditions())
            gone = not metadata.finalizers(old)
            if dry_run:
                return old, gone
            if gone:
                return self._remove(key, old, old), True
            if metadata.deleting(old):
                return old, False
            return self._write(key, "MODIFIED", metadata.doomed(old, self._clock()), old), False

    def events_since(
        self, version: int, resource: Resource | None = None, namespace: str | None = None, limit: int = _BATCH
    ) -> Sequence[Event]:
        """The first changes after `version`, in order. Raises Expired if the history begins later."""
        return self._events(version, resource, namespace, limit)[0]

    async def subscribe(
        self, resource: Resource | None = None, namespace: str | None = None, since: int | None = None
    ) -> AsyncIterator[Event]:
        """Every change after `since` (None: after now), in order, without end. Raises Expired as `events_since`.

        Of one kind, or (None) of all. Two subscribers do not know of each other, and a slow one holds nobody back.
        """
        async for event in self.subscribe_until(None, resource, namespace, since):
            if isinstance(event, Event):
                yield event

    async def subscribe_until(
        self,
        pulse: float | None,
        resource: Resource | None = None,
        namespace: str | None = None,
        since: int | None = None,
    ) -> AsyncIterator[Event | int]:
        """As `subscribe`, and each `pulse` seconds in which nothing came the version up to which this is so."""
        version = self.version if since is None else since
        with self._woken() as wake:
            while True:
                wake.clear()
                events, version = self._events(version, resource, namespace, _BATCH)
                for event in events:
                    yield event
                if not events and not await _set_within(wake, pulse):
                    yield version

    def _events(
        self, version: int, resource: Resource | None, namespace: str | None, limit: int
    ) -> tuple[Sequence[Event], int]:
        """Events, and the version up to which these are all there were."""
        kind = resource.full_name if resource else None
        with self._lock:
            self._check_kept(version)
            newest = self.version
            rows = self._db.execute(
                "select version, kind, body, previous from events where version > ? and (? is null or resource = ?)"
                " and (? is null or namespace = ?) order by version limit ?",
                (version, kind, kind, namespace, namespace, limit),
            ).fetchall()
        events = [Event(row[0], row[1], json.loads(row[2]), json.loads(row[3]) if row[3] else None) for row in rows]
        return events, events[-1].version if len(events) == limit else max(newest, version)

    def _check_kept(self, version: int) -> None:
        oldest = self._db.execute("select min(version) from events").fetchone()[0]
        newest = self.version
        if version > newest:
            raise Expired(f"too new resource version: {version} (the newest is {newest})")
        if version < (newest if oldest is None else oldest - 1):
            raise Expired(f"too old resource version: {version} ({newest if oldest is None else oldest})")

    def _guarded(self, key: _Key, body: Object) -> Object:
        old = self._existing(key)
        given = body.get("metadata", {})
        wanted = Preconditions(given.get("uid") or "", given.get("resourceVersion") or "")
        _check_meant(key, old, wanted)
        return old

    def _existing(self, key: _Key) -> Object:
        found = self._read(key)
        if found is None:
            raise NotFound.of(key.resource, key.name)
        return found

    def _read(self, key: _Key) -> Object | None:
        row = self._db.execute(
            "select body from objects where resource = ? and namespace = ? and name = ?", key.row
        ).fetchone()
        if row is None:
            return None
        found: Object = json.loads(row[0])
        return found

    def _write(self, key: _Key, kind: str, new: Object, old: Object | None) -> Object:
        version, body = self._append(key, kind, new, old)
        self._db.execute("insert or replace into objects values (?, ?, ?, ?, ?)", (*key.row, version, body))
        return new

    def _remove(self, key: _Key, last: Object, old: Object) -> Object:
        self._append(key, "DELETED", last, old)
        self._db.execute("delete from objects where resource = ? and namespace = ? and name = ?", key.row)
        return last

    def _append(self, key: _Key, kind: str, new: Object, old: Object | None) -> tuple[int, str]:
        """An event, whose number becomes the object's resourceVersion."""
        version = self.version + 1
        new["metadata"]["resourceVersion"] = str(version)
        body, previous = json.dumps(new), json.dumps(old) if old else None
        self._db.execute(
            "insert into events (version, resource, namespace, kind, body, previous) values (?, ?, ?, ?, ?, ?)",
            (version, key.resource.full_name, key.namespace, kind, body, previous),
        )
        self._cut()
        return version, body

    def _cut(self) -> None:
        self._writes += 1
        if self._writes % _CUT_EVERY == 0:
            self._db.execute("delete from events where version <= ?", (self.version - self._history,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            with self._db:
                self._db.execute("begin immediate")
                yield
            wakes = tuple(self._wakes)
        for wake in wakes:
            wake()

    @contextmanager
    def _woken(self) -> Iterator[asyncio.Event]:
        """An asyncio event that is set after each write, from whichever thread it came."""
        event, loop = asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

        with self._lock:
            self._wakes.add(wake)
        try:
            yield event
        finally:
            with self._lock:
                self._wakes.discard(wake)


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)  # Secrets are in it
    db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
    # In WAL a commit is in the file once `write` returns, which outlives this process, though not a loss of power.
    with closing(db.execute("pragma journal_mode = wal")):
        db.execute("pragma synchronous = normal")
    db.executescript(_SCHEMA)
    return db


def _key(resource: Resource, body: Object) -> _Key:
    given = body["metadata"]
    return _Key(resource, given.get("namespace", "") if resource.namespaced else "", given["name"])


def _check_meant(key: _Key, old: Object, only: Preconditions) -> None:
    has = old["metadata"]
    if only.uid and only.uid != has["uid"]:
        why = f"Precondition failed: UID in precondition: {only.uid}, UID in object meta: {has['uid']}"
        raise Conflict.of(key.resource, key.name, why)
    if only.resource_version and only.resource_version != has["resourceVersion"]:
        raise Conflict.of(key.resource, key.name)


async def _set_within(event: asyncio.Event, seconds: float | None) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
