"""What the store wants: each InferenceService with the documents that stand beside it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from isvc.errors import InputError
from isvc.manifest import Document
from isvc.plan.cluster import NAME as CLUSTER_SETTINGS
from isvc.server import metadata
from isvc.server.documents import document
from isvc.server.resources import (
    CLUSTER_SERVING_RUNTIMES,
    CONFIG_MAPS,
    INFERENCE_SERVICES,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVING_RUNTIMES,
    Object,
    Resource,
)
from isvc.server.store import Store

logger = logging.getLogger(__name__)

FINALIZER = "inferenceservice.finalizers"
"""KServe's: an object goes once nothing of it runs."""
_BESIDE = (SECRETS, CONFIG_MAPS, SERVICE_ACCOUNTS, SERVING_RUNTIMES, CLUSTER_SERVING_RUNTIMES)
_SAID = ("labels", "annotations")


@dataclass(frozen=True, slots=True)
class Beside:
    """An object that services may refer to."""

    resource: Resource
    object: Object

    def seen_from(self, namespace: str) -> bool:
        own = self.object["metadata"]
        return own.get("namespace") in (None, namespace) or own["name"] == CLUSTER_SETTINGS


@dataclass(frozen=True, slots=True)
class WantedService:
    object: Object
    beside: tuple[Beside, ...]
    fingerprint: str
    """Another one when its plan could be."""

    @property
    def key(self) -> str:
        return key(self.object)

    @property
    def generation(self) -> int:
        return int(self.object["metadata"].get("generation", 0))

    def documents(self) -> list[Document]:
        """The service's own first. Raises InputError where that one cannot be read."""
        own = document(INFERENCE_SERVICES, self.object)
        return [own, *(read for each in self.beside if (read := _readable(each)) is not None)]


def key(body: Object) -> str:
    return f"{body['metadata']['namespace']}/{body['metadata']['name']}"


def services(store: Store) -> Sequence[Object]:
    """The oldest first, so that of two that exclude each other the older one runs."""
    found = store.list(INFERENCE_SERVICES).items
    return sorted(found, key=lambda body: (body["metadata"]["creationTimestamp"], key(body)))


def wanted(store: Store) -> list[WantedService]:
    """Every InferenceService that is not being deleted."""
    beside = [Beside(resource, body) for resource in _BESIDE for body in store.list(resource).items]
    return [_wanted(body, beside) for body in services(store) if not metadata.deleting(body)]


def deleted(store: Store) -> list[Object]:
    """Those that wait for their units to be gone."""
    return [body for body in services(store) if metadata.deleting(body) and FINALIZER in metadata.finalizers(body)]


def without_finalizer(body: Object) -> Object:
    kept = [name for name in metadata.finalizers(body) if name != FINALIZER]
    return {**body, "metadata": {**body["metadata"], "finalizers": kept}}


def with_finalizer(body: Object) -> Object:
    return {**body, "metadata": {**body["metadata"], "finalizers": [*metadata.finalizers(body), FINALIZER]}}


def _wanted(body: Object, beside: Sequence[Beside]) -> WantedService:
    own = tuple(each for each in beside if each.seen_from(body["metadata"]["namespace"]))
    told = [_told(body), *(_told(each.object) for each in own)]
    return WantedService(body, own, hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest())


def _told(body: Object) -> Object:
    """What people have said with it."""
    said = {name: body["metadata"].get(name) for name in (*_SAID, "name", "namespace")}
    return {**{name: value for name, value in body.items() if name != "status"}, "metadata": said}


def _readable(beside: Beside) -> Document | None:
    try:
        return document(beside.resource, beside.object)
    except InputError as exc:
        logger.warning("left out: %s", exc)
        return None
