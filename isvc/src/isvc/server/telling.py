"""What the controller says of what it sees: each object's status, and events. Only what is new is written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from isvc.backends.stack import ServiceStatus, StackStatus
from isvc.server import status as kserve
from isvc.server import wanted
from isvc.server.errors import ApiError
from isvc.server.events import CONTROLLER, Happened, Recorder, between, readiness
from isvc.server.pods import pods
from isvc.server.resources import INFERENCE_SERVICES, Object
from isvc.server.store import Store
from isvc.server.views import Shown

MANAGER = "kserve-controller-manager"
_EVENTS_LOOKED_AT = 60.0

StatusOf = Callable[[Object, ServiceStatus | None, float], kserve.Status | None]
"""(object, what runs of it, now) -> its status, or None where nothing can be said yet."""


class Teller:
    def __init__(self, store: Store, status_of: StatusOf) -> None:
        self._store = store
        self._status_of = status_of
        self._recorder = Recorder(store)
        self._seen: dict[str, ServiceStatus] | None = None
        self._since: dict[str, dict[str, float]] = {}
        self._told: tuple[StackStatus, int] | None = None

    def forget(self) -> None:
        """Have all told anew at the next look."""
        self._told = None

    def tell(self, stack: StackStatus) -> None:
        """Write events and status, if there is anything new to tell."""
        # As it is before anything is read: what is written meanwhile, by whomever, is looked at once more.
        version = self._store.version
        if self._told == (stack, version):
            return
        now = time.time()
        bodies = wanted.services(self._store)
        by_key = {wanted.key(body): body for body in bodies}
        seen = {service.key: service for service in stack.services}
        self._note_pods(seen, now)
        for key, service in seen.items():
            if self._seen is not None:
                happened = list(between(self._seen.get(key), service))
                self._recorder.record(happened, Shown(service, by_key.get(key)), now)
        self._seen = seen
        for body in bodies:
            self._write_status(body, self._status_of(body, seen.get(wanted.key(body)), now), now)
        self._told = (stack, version)

    def _note_pods(self, seen: Mapping[str, ServiceStatus], now: float) -> None:
        """Since when there is each pod: those that were taken over are as old as their service."""
        for key in self._since.keys() - seen.keys():
            del self._since[key]
        for key, service in seen.items():
            known = self._since.get(key, {})
            first = service.created if self._seen is None or key not in self._since else now
            self._since[key] = {pod.name: known.get(pod.name, first) for pod in pods(service.plan)}

    def _write_status(self, body: Object, told: kserve.Status | None, now: float) -> None:
        before = body.get("status") or {}
        if told is None or told == before:
            return
        try:
            self._store.update_status(INFERENCE_SERVICES, {**body, "status": told}, manager=MANAGER)
        except ApiError:
            return  # it has changed meanwhile, and is told anew
        was = kserve.holds(before, "Ready") if before else None
        for each in readiness(was, kserve.holds(told, "Ready"), body["metadata"]["name"]):
            self._recorder.write(each, body["metadata"]["namespace"], body, now)

    def say(self, key: str, text: str, reason: str = "Preparing", *, warning: bool = False) -> None:
        """An event about the service itself."""
        namespace, _, name = key.partition("/")
        try:
            body = self._store.get(INFERENCE_SERVICES, namespace, name)
        except ApiError:
            return
        told = Happened(INFERENCE_SERVICES, name, reason, text, CONTROLLER, warning)
        self._recorder.write(told, namespace, body, time.time())

    async def forget_events(self) -> None:
        while True:
            self._recorder.forget(time.time())
            await asyncio.sleep(_EVENTS_LOOKED_AT)

    def shown(self, stack: StackStatus) -> Sequence[Shown]:
        by_key = {wanted.key(body): body for body in wanted.services(self._store)}
        return [Shown(service, by_key.get(service.key), self._since.get(service.key, {})) for service in stack.services]
