"""Namespaces: what each has from the start, and how one goes with all that is in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from isvc.server import metadata
from isvc.server.errors import AlreadyExists, Conflict, NotFound
from isvc.server.resources import NAMESPACES, RESOURCES, SERVICE_ACCOUNTS, Object, Resource
from isvc.server.store import Store

FINALIZER = "kubernetes"
_MANAGER = "namespace-controller"
_PULSE = 5.0


def namespace(name: str) -> Object:
    """A new one."""
    return {
        "apiVersion": NAMESPACES.api_version,
        "kind": NAMESPACES.kind,
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}, "finalizers": [FINALIZER]},
        "status": {"phase": "Active"},
    }


def ensure_default(store: Store) -> None:
    """The namespace that is always there."""
    ensure(store, metadata.DEFAULT_NAMESPACE)


def ensure(store: Store, name: str) -> None:
    try:
        store.create(NAMESPACES, namespace(name), manager=_MANAGER)
    except AlreadyExists:
        return
    finally:
        default_account(store, name)


def default_account(store: Store, namespace: str) -> None:
    """The ServiceAccount of those that name none; credentials are attached to it."""
    try:
        store.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default", "namespace": namespace}}, manager=_MANAGER)
    except AlreadyExists:
        return


async def sweep(store: Store) -> None:
    """Empty the namespaces that were deleted, and let them go. Runs until it is cancelled."""
    async for _ in _moments(store):
        for body in store.list(NAMESPACES).items:
            if metadata.deleting(body):
                _empty(store, body)


async def _moments(store: Store) -> AsyncIterator[None]:
    """Now, and whenever something has changed."""
    version = store.version
    yield
    async for event in store.subscribe_until(_PULSE, since=version):
        if isinstance(event, int) or event.kind == "DELETED" or "deletionTimestamp" in event.object["metadata"]:
            yield


def _empty(store: Store, body: Object) -> None:
    name = body["metadata"]["name"]
    left = list(_contents(store, name))
    for resource, one in left:
        if not metadata.deleting(one):
            _ignore_missing(store, resource, one)
    if any(True for _ in _contents(store, name)):
        return
    body["metadata"].pop("finalizers", None)
    try:
        store.update(NAMESPACES, body, manager=_MANAGER)
    except (Conflict, NotFound):
        return  # its next change wakes this again


def _ignore_missing(store: Store, resource: Resource, body: Object) -> None:
    try:
        store.delete(resource, body["metadata"]["namespace"], body["metadata"]["name"])
    except NotFound:
        return


def _contents(store: Store, namespace: str) -> Iterator[tuple[Resource, Object]]:
    for resource in RESOURCES:
        if resource.stored and resource.namespaced:
            for body in store.list(resource, namespace).items:
                yield resource, body
