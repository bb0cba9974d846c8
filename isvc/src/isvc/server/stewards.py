"""Through whom a command changes what is wanted, so that objects and what runs never say two things.

`Alone`: no control plane runs. The command reconciles by itself, and writes the objects down for the next one.
`Served`: one runs. The command gives it the objects and waits until it has acted on them.

Both stand in for the backend, which goes on being asked what runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from isvc.backends.stack import Applied, Backend, Change, Gone, LogLine, StackStatus, never
from isvc.errors import InputError, StackError, WaitTimeout
from isvc.manifest import Document
from isvc.plan.units import Plan, ServicePlan
from isvc.server import namespaces, wanted
from isvc.server.client import Client
from isvc.server.errors import NotFound
from isvc.server.metadata import finalizers
from isvc.server.reconcile import Reconciler
from isvc.server.resources import INFERENCE_SERVICES, NAMESPACES, RESOURCES, Object, Resource
from isvc.server.store import Store

SOURCES = "kserve-local/sources"
"""Annotation: what stood in the build folders, so that edited code is a change of the object."""
_ACTED = 60.0
_GONE = 60.0
_POLL = 0.03

Wanted = tuple[Resource, Object]


def objects(documents: Sequence[Document], sources: Callable[[str], str]) -> list[Wanted]:
    """The documents as objects; `sources` tells what stands in the build folders of a service, by its key."""
    kinds = {(each.api_version, each.kind): each for each in RESOURCES}
    found = []
    for document in documents:
        body = document.source.plain()
        assert isinstance(body, dict)  # noqa: S101 - a document is a mapping
        resource = kinds[body["apiVersion"], body["kind"]]
        body["metadata"] = {**body["metadata"], **({"namespace": document.key[1]} if resource.namespaced else {})}
        if resource is INFERENCE_SERVICES and (digest := sources("/".join(document.key[1:]))):
            body["metadata"]["annotations"] = {**(body["metadata"].get("annotations") or {}), SOURCES: digest}
        found.append((resource, body))
    return found


class _Steward:
    def __init__(self, backend: Backend, wanted: Sequence[Wanted] = ()) -> None:
        self._backend = backend
        self._wanted = wanted
        self._before: list[tuple[Wanted, Object | None]] = []
        self.name = backend.name
        self.description = backend.description

    def status(self) -> StackStatus:
        return self._backend.status()

    def logs(
        self, units: Sequence[str] | None, tail: int | None, follow: bool, gone: Gone = never
    ) -> Iterator[LogLine]:
        return self._backend.logs(units, tail, follow, gone)

    def scratch(self, service: ServicePlan) -> str:
        return self._backend.scratch(service)


class Alone(_Steward):
    """`file` has the objects."""

    def __init__(self, file: Path, reconciler: Reconciler, wanted: Sequence[Wanted] = ()) -> None:
        super().__init__(reconciler.backend, wanted)
        self._reconciler = reconciler
        self._file = file

    def apply(self, plan: Plan, ingress_port: int | None) -> Applied:
        # Before anything runs: a control plane that comes after a crash stops what no object wants.
        self._with_store(self._put)
        try:
            applied = self._reconciler.agree(plan, (), ingress_port)
        except BaseException:
            self._with_store(self._put_back)
            raise
        assert applied is not None  # noqa: S101 - a plan has a service
        return applied

    def revert(self, applied: Applied) -> None:
        self._with_store(self._put_back)
        self._backend.revert(applied)

    def remove(self, keys: Iterable[str]) -> tuple[str, ...]:
        unwanted = tuple(keys)
        if self._file.exists():
            self._with_store(lambda store: _erase_services(store, unwanted))
        return self._backend.remove(unwanted)

    def down(self, *, volumes: bool) -> tuple[str, ...]:
        if self._file.exists():
            self._with_store(lambda store: _erase_services(store, [*map(wanted.key, wanted.services(store))]))
        return self._backend.down(volumes=volumes)

    def _put(self, store: Store) -> None:
        for name in _namespaces(self._wanted):
            namespaces.ensure(store, name)
        for resource, body in self._wanted:
            before = _stored(store, resource, body)
            self._before.append(((resource, body), before))
            _write(store, resource, body, before)

    def _put_back(self, store: Store) -> None:
        for (resource, body), before in self._before:
            if before is not None:
                _write(store, resource, before, _stored(store, resource, body))
            else:
                _erase(store, resource, body)

    def _with_store(self, change: Callable[[Store], object]) -> None:
        store = Store(self._file)
        try:
            change(store)
        finally:
            store.close()


class Served(_Steward):
    def __init__(self, client: Client, backend: Backend, wanted: Sequence[Wanted] = ()) -> None:
        super().__init__(backend, wanted)
        self._client = client

    def apply(self, plan: Plan, ingress_port: int | None) -> Applied:
        stack = self.status()
        if ingress_port not in (None, 0, stack.ingress_port) and stack.ingress_port is not None:
            raise InputError(f"the control plane's ingress is on port {stack.ingress_port}; leave out --ingress-port")
        for name in _namespaces(self._wanted):
            if self._client.get(NAMESPACES, "", name) is None:
                self._client.create(NAMESPACES, "", namespaces.namespace(name))
        changes = [(body, self._put(resource, body)) for resource, body in self._wanted]
        services = {wanted.key(body): change for body, change in changes if body["kind"] == INFERENCE_SERVICES.kind}
        if any(change is not Change.UNCHANGED for _, change in changes):
            for key in services:
                self._until(lambda key=key: self._acted_on(key), f"the control plane's work on {key}", _ACTED)  # type: ignore[misc]
            if any(change is not Change.UNCHANGED for change in services.values()):
                self._until(lambda: self.status().generation > stack.generation, "the start of the units", _ACTED)
        now = self.status()
        return Applied(tuple(services.items()), now.generation, now.ingress_port or 0)

    def revert(self, applied: Applied) -> None:
        created = []
        for (resource, body), before in self._before:
            if before is not None:
                self._client.replace(resource, body["metadata"].get("namespace", ""), _to_write(before))
            else:
                created.append((resource, body))
        for resource, body in created:
            self._client.delete(resource, body["metadata"].get("namespace", ""), body["metadata"]["name"])
        self._wait_for_end([wanted.key(body) for resource, body in created if resource is INFERENCE_SERVICES])

    def remove(self, keys: Iterable[str]) -> tuple[str, ...]:
        there = tuple(key for key in keys if self._client.delete(INFERENCE_SERVICES, *key.split("/")))
        self._wait_for_end(there)
        return there

    def down(self, *, volumes: bool) -> tuple[str, ...]:
        if volumes:
            raise InputError("a control plane works in this project's folder; stop `isvc serve` first, then --volumes")
        return self.remove([wanted.key(body) for body in self._client.list(INFERENCE_SERVICES)])

    def _put(self, resource: Resource, body: Object) -> Change:
        namespace, name = body["metadata"].get("namespace", ""), body["metadata"]["name"]
        before = self._client.get(resource, namespace, name)
        self._before.append(((resource, body), before))
        if before is None:
            self._client.create(resource, namespace, body)
            return Change.CREATED
        after = self._client.replace(resource, namespace, _over(body, before))
        same = after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
        return Change.UNCHANGED if same else Change.CONFIGURED

    def _acted_on(self, key: str) -> bool:
        body = self._client.get(INFERENCE_SERVICES, *key.split("/"))
        status = body.get("status", {}) if body else {}
        if not body or status.get("observedGeneration", 0) < body["metadata"]["generation"]:
            return False
        model = status.get("modelStatus", {})
        if "exitCode" not in model.get("lastFailureInfo", {"exitCode": 0}):  # nothing was started at all
            raise StackError(model["lastFailureInfo"]["message"])
        return True

    def _wait_for_end(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._until(lambda key=key: self._is_gone(key), f"the end of {key}", _GONE)  # type: ignore[misc]

    def _is_gone(self, key: str) -> bool:
        return self._client.get(INFERENCE_SERVICES, *key.split("/")) is None

    def _until(self, holds: Callable[[], bool], what: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise WaitTimeout(what, seconds)
            time.sleep(_POLL)


def _namespaces(wanted: Sequence[Wanted]) -> set[str]:
    """Those that have to be there first. In a file their mention is enough, as it is for what runs."""
    return {body["metadata"]["namespace"] for resource, body in wanted if resource.namespaced}


def _stored(store: Store, resource: Resource, body: Object) -> Object | None:
    try:
        return store.get(resource, body["metadata"].get("namespace", ""), body["metadata"]["name"])
    except NotFound:
        return None


def _write(store: Store, resource: Resource, body: Object, before: Object | None) -> None:
    if before is None:
        store.create(resource, body, manager="isvc")
    else:
        store.update(resource, _over(body, before), manager="isvc")


def _over(body: Object, before: Object) -> Object:
    """`body` in the place of `before`, whose finalizers are not people's to take away."""
    kept = {"finalizers": finalizers(before)} if finalizers(before) else {}
    return {**body, "metadata": {**_to_write(body)["metadata"], **kept}}


def _to_write(body: Object) -> Object:
    """Without what would tie it to one version of the object."""
    own = {name: value for name, value in body["metadata"].items() if name not in ("resourceVersion", "uid")}
    return {**body, "metadata": own}


def _erase_services(store: Store, keys: Sequence[str]) -> None:
    for body in store.list(INFERENCE_SERVICES).items:
        if wanted.key(body) in keys:
            _erase(store, INFERENCE_SERVICES, body)


def _erase(store: Store, resource: Resource, body: Object) -> None:
    """At once: the caller sees to what runs of it."""
    name = body["metadata"]["name"]
    try:
        last, gone = store.delete(resource, body["metadata"].get("namespace", ""), name)
        if not gone:
            store.update(resource, {**last, "metadata": {**last["metadata"], "finalizers": []}})
    except NotFound:
        return
