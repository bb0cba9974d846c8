"""What Kubernetes writes into an object's `metadata`, and when. Pure: (object, request, time) -> object."""

from __future__ import annotations

import copy
import random
import uuid
from datetime import UTC, datetime

from isvc.server import fields
from isvc.server.resources import Object, Resource

DEFAULT_NAMESPACE = "default"
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
_OWN = ("uid", "creationTimestamp", "generation", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds")
"""What a caller cannot write."""


def born(resource: Resource, body: Object, manager: str | None, now: float) -> Object:
    """`body` as a new object, all but its resourceVersion. It has a name or a generateName.

    A manager of None says that `body` has its managedFields right already.
    """
    new = copy.deepcopy(body)
    given = _clean(new.get("metadata") or {})
    if not given.get("name") and given.get("generateName"):
        given["name"] = generated(given["generateName"])
    managed = given.pop("managedFields", None)
    for name in (*_OWN, "selfLink"):
        given.pop(name, None)
    if resource.namespaced:
        given.setdefault("namespace", DEFAULT_NAMESPACE)
    else:
        given.pop("namespace", None)
    given["uid"] = str(uuid.uuid4())
    given["creationTimestamp"] = timestamp(now)
    if resource.has_generation:
        given["generation"] = 1
    new.update(apiVersion=resource.api_version, kind=resource.kind, metadata=given)
    if resource.has_status:
        new.pop("status", None)
    if manager is None:
        return fields.with_entries(new, managed or [])
    return fields.recorded(None, new, manager, "", timestamp(now))


def generated(prefix: str) -> str:
    """A name that begins so, and that nobody has."""
    return prefix[:58] + "".join(random.choices(_SUFFIX, k=5))  # noqa: S311  (no secret)


def renewed(resource: Resource, old: Object, body: Object, manager: str | None, now: float) -> Object:
    """`body` in the place of `old`. A manager of None says that `body` has its managedFields right already."""
    new = copy.deepcopy(body)
    given, had = _clean(new.get("metadata") or {}), old["metadata"]
    for name in (*_OWN, "namespace", "generateName"):
        given.pop(name, None)
        if name in had:
            given[name] = had[name]
    if deleting(old):  # no new reasons to wait
        kept = [one for one in given.get("finalizers", []) if one in finalizers(old)]
        given["finalizers"] = kept
        if not kept:
            del given["finalizers"]
    new.update(apiVersion=resource.api_version, kind=resource.kind, metadata=given)
    if resource.has_status:
        new.pop("status", None)
        if "status" in old:
            new["status"] = old["status"]
    if resource.has_generation and _wanted(new) != _wanted(old):
        given["generation"] = had.get("generation", 0) + 1
    if manager is None:
        return new
    return fields.recorded(old, new, manager, "", timestamp(now))


def with_status(old: Object, body: Object, manager: str, now: float) -> Object:
    """`old` with the status of `body`."""
    new = copy.deepcopy(old)
    new.pop("status", None)
    if "status" in body:
        new["status"] = copy.deepcopy(body["status"])
    return fields.recorded(old, new, manager, "status", timestamp(now))


def doomed(old: Object, now: float) -> Object:
    """`old`, asked to go once its finalizers are off."""
    new = copy.deepcopy(old)
    new["metadata"].update(deletionTimestamp=timestamp(now), deletionGracePeriodSeconds=0)
    if "generation" in new["metadata"]:
        new["metadata"]["generation"] += 1
    return new


def deleting(body: Object) -> bool:
    return "deletionTimestamp" in body["metadata"]


def finalizers(body: Object) -> list[str]:
    return list(body["metadata"].get("finalizers") or ())


def same(one: Object, other: Object) -> bool:
    """Whether a write of `other` over `one` would change anything but the times of its managers."""
    return _comparable(one) == _comparable(other)


def timestamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _clean(given: Object) -> Object:
    """Without what is not written: `null` and empty maps are how clients say "none"."""
    return {name: value for name, value in given.items() if value not in (None, {}, [], "")}


def _wanted(body: Object) -> Object:
    return {name: value for name, value in body.items() if name not in ("metadata", "status", "apiVersion", "kind")}


def _comparable(body: Object) -> Object:
    managed = body["metadata"].get("managedFields", [])
    timeless = [{key: value for key, value in entry.items() if key != "time"} for entry in managed]
    return {**body, "metadata": {**body["metadata"], "managedFields": timeless, "resourceVersion": ""}}
