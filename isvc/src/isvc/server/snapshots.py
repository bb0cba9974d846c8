"""Views with versions: what runs is shown anew each time, and a watch wants to know what has changed since it looked.

Each look that finds a difference is a new version; the last ones are kept, so that a watch goes on from a list.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from isvc.server.errors import Expired, NotFound
from isvc.server.resources import Object, Resource, Views
from isvc.server.store import Event, Listing

_KEPT = 200
_EVERY = 0.5
"""Seconds between two looks of a watch."""

_Objects = Mapping[tuple[str, str], Object]


@dataclass(slots=True)
class _Seen:
    version: int = 1
    """0 is a word of its own in the API."""
    kept: dict[int, _Objects] = field(default_factory=lambda: {1: {}})


class Snapshots:
    """For one event loop."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._seen: dict[str, _Seen] = {}

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """Raises NotFound."""
        for item in (await self.list(resource, namespace)).items:
            if item["metadata"]["name"] == name:
                return item
        raise NotFound.of(resource, name)

    async def list(self, resource: Resource, namespace: str | None) -> Listing:
        seen = await self._look(resource)
        return Listing(seen.version, list(_of(namespace, seen.kept[seen.version]).values()))

    async def subscribe_until(
        self, pulse: float, resource: Resource, namespace: str | None, since: int | None
    ) -> AsyncIterator[Event | int]:
        """As the store's: changes after `since`, and the version whenever nothing came for a while. Raises Expired."""
        seen = await self._look(resource)
        version = seen.version if since is None else since
        while True:
            if version not in seen.kept:
                raise Expired(f"too old resource version: {version} ({min(seen.kept)})")
            before, after = seen.kept[version], seen.kept[seen.version]
            version = seen.version
            for event in _differences(version, _of(namespace, before), _of(namespace, after)):
                yield event
            yield version
            await asyncio.sleep(min(_EVERY, pulse))
            seen = await self._look(resource)

    async def _look(self, resource: Resource) -> _Seen:
        shown = await self._views.list(resource, None)
        seen = self._seen.setdefault(resource.full_name, _Seen())
        before = seen.kept[seen.version]
        now: dict[tuple[str, str], Object] = {}
        for item in shown:
            key = (item["metadata"]["namespace"], item["metadata"]["name"])
            had = before.get(key)
            version = had["metadata"]["resourceVersion"] if had and _same(had, item) else str(seen.version + 1)
            now[key] = {**item, "metadata": {**item["metadata"], "resourceVersion": version}}
        if now != before:
            seen.version += 1
            seen.kept[seen.version] = now
            seen.kept.pop(seen.version - _KEPT, None)
        return seen


def _of(namespace: str | None, items: _Objects) -> _Objects:
    return {key: item for key, item in sorted(items.items()) if namespace in (None, key[0])}


def _same(had: Object, item: Object) -> bool:
    return {**had, "metadata": {**had["metadata"], "resourceVersion": ""}} == {
        **item,
        "metadata": {**item["metadata"], "resourceVersion": ""},
    }


def _differences(version: int, before: _Objects, after: _Objects) -> list[Event]:
    found = []
    for key, item in before.items():
        if key not in after or after[key]["metadata"]["uid"] != item["metadata"]["uid"]:
            found.append(Event(version, "DELETED", item, item))
    for key, item in after.items():
        had = before.get(key)
        if had is None or had["metadata"]["uid"] != item["metadata"]["uid"]:
            found.append(Event(version, "ADDED", item))
        elif had != item:
            found.append(Event(version, "MODIFIED", item, had))
    return found
