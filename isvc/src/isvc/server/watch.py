"""A watch: events as they come, one JSON object a line, in the form and of the objects that were asked for."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from isvc.server.errors import ApiError
from isvc.server.resources import Object, Resource
from isvc.server.selectors import Selector
from isvc.server.store import Event, Listing
from isvc.server.table import partial, table
from isvc.server.target import Form, Reading, Target

_PULSE = 1.0
_BOOKMARK_EVERY = 30.0
_LONGEST = 3600.0
_INITIAL_END = "k8s.io/initial-events-end"


class Source(Protocol):
    """Where the events come from: the store, or what runs."""

    def subscribe_until(
        self, pulse: float, resource: Resource, namespace: str | None, since: int | None
    ) -> AsyncIterator[Event | int]: ...


@dataclass(frozen=True, slots=True)
class Watch:
    source: Source
    target: Target
    reading: Reading
    form: Form
    clock: Callable[[], float] = time.time

    async def lines(self, present: Listing) -> AsyncGenerator[bytes, None]:
        """Until its time is over. `present` is what there is, for one who asks from no version on."""
        until = time.monotonic() + min(self.reading.seconds or _LONGEST, _LONGEST)
        version = self.reading.version
        if version is None or self.reading.initial_events:
            for item in present.items:
                if self.reading.selector.matches(item):
                    yield self._line("ADDED", item)
            version = present.version
            if self.reading.initial_events and self.reading.bookmarks:
                yield self._bookmark(version, {_INITIAL_END: "true"})
        try:
            async for line in self._changes(version, until):
                yield line
        except ApiError as exc:  # too late for a status code
            yield _json({"type": "ERROR", "object": exc.status()})

    async def _changes(self, version: int, until: float) -> AsyncIterator[bytes]:
        told = time.monotonic()
        changes = self.source.subscribe_until(_PULSE, self.target.resource, self.target.namespace, version)
        async for change in changes:
            now = time.monotonic()
            if isinstance(change, int):
                version = change
            else:
                version = change.version
                kind = _kind(change, self.reading.selector)
                if kind:
                    yield self._line(kind, change.object)
            if self.reading.bookmarks and (now - told > _BOOKMARK_EVERY or now > until):
                told = now
                yield self._bookmark(version, {})
            if now > until:
                return

    def _line(self, kind: str, item: Object) -> bytes:
        if self.form.is_table:
            version = item["metadata"].get("resourceVersion", "")
            item = table(self.target.resource, [item], version, self.clock(), include=self.form.include)
        elif self.form.is_partial:
            item = partial(item)
        return _json({"type": kind, "object": item})

    def _bookmark(self, version: int, annotations: dict[str, str]) -> bytes:
        """How far the watch has come, for one who connects again."""
        given: Object = {"resourceVersion": str(version), "creationTimestamp": None}
        if annotations:
            given["annotations"] = annotations
        resource = self.target.resource
        item: Object = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": given}
        if self.form.is_table:
            item = {**table(resource, [], str(version), 0), "columnDefinitions": None, "metadata": given}
        elif self.form.is_partial:
            item = partial(item)
        return _json({"type": "BOOKMARK", "object": item})


def _kind(event: Event, selector: Selector) -> str:
    """What an event is for one who sees only what the selector matches; "" if nothing."""
    was = event.previous is not None and selector.matches(event.previous)
    stays = event.kind != "DELETED" and selector.matches(event.object)
    if was:
        return "MODIFIED" if stays else "DELETED"
    return "ADDED" if stays else ""


def _json(value: Object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
