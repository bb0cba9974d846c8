"""Who owns which field: `metadata.managedFields`, in Kubernetes' own notation (FieldsV1).

A set of fields is a tree: `{"f:spec": {"f:predictor": {...}}}`. A leaf is a scalar or a whole list: KServe's schema
names no keys by which lists could be merged, so a list has one owner. What the system writes itself has none.
"""

from __future__ import annotations

from typing import Any

from isvc.server.resources import Object

Fields = dict[str, Any]
_ENTRY = ("manager", "operation", "apiVersion", "time", "fieldsV1")
_UNOWNED = ("apiVersion", "kind")
_UNOWNED_METADATA = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
    "managedFields",
    "selfLink",
    "generateName",
)


def of(body: Object) -> Fields:
    """All fields of an object that can have an owner."""
    owned = {name: value for name, value in body.items() if name not in _UNOWNED}
    given = body.get("metadata") or {}
    owned["metadata"] = {name: value for name, value in given.items() if name not in _UNOWNED_METADATA}
    if not owned["metadata"]:
        del owned["metadata"]
    return _tree(owned)


def _tree(value: Any) -> Fields:
    if not isinstance(value, dict):
        return {}
    return {f"f:{name}": _tree(inner) for name, inner in value.items()}


def changed(old: Any, new: Any) -> Fields:
    """The fields of `new` that `old` has not, or has otherwise."""
    if not isinstance(new, dict):
        return {}
    had = old if isinstance(old, dict) else {}
    return {
        f"f:{name}": changed(had.get(name), value)
        for name, value in new.items()
        if name not in had or had[name] != value
    }


def minus(one: Fields, other: Fields) -> Fields:
    """What is in `one` and not in `other`; a leaf of `other` takes all below it, and empty branches go."""
    left: Fields = {}
    for name, inner in one.items():
        if name not in other:
            left[name] = inner
        elif inner and other[name]:
            rest = minus(inner, other[name])
            if rest:
                left[name] = rest
    return left


def both(one: Fields, other: Fields) -> Fields:
    """What is in `one` and in `other`."""
    shared: Fields = {}
    for name, inner in one.items():
        if name in other:
            deeper = both(inner, other[name])
            if deeper or not (inner and other[name]):
                shared[name] = deeper
    return shared


def union(one: Fields, other: Fields) -> Fields:
    joined = dict(one)
    for name, inner in other.items():
        joined[name] = union(joined[name], inner) if name in joined else inner
    return joined


def paths(one: Fields, prefix: str = "") -> list[str]:
    """The leaves, as Kubernetes names them in a conflict: `.spec.predictor.minReplicas`."""
    found: list[str] = []
    for name, inner in one.items():
        path = f"{prefix}.{name.removeprefix('f:')}"
        found.extend(paths(inner, path) if inner else [path])
    return found


def recorded(old: Object | None, new: Object, manager: str, subresource: str, time: str) -> Object:
    """`new` with its managedFields: what changed since `old` belongs to `manager` now. Changes `new`."""
    before = _given(new) or (old or {}).get("metadata", {}).get("managedFields", [])
    present = of(new)
    mine = minus_unowned(changed(_plain(old), _plain(new)))
    entries: list[Object] = []
    found = False
    for entry in before:
        if _is(entry, manager, "Update", subresource):
            kept = union(entry["fieldsV1"], mine)
            found = True
            entries.append({**entry, "time": time if mine else entry["time"], "fieldsV1": both(kept, present)})
        else:
            entries.append({**entry, "fieldsV1": both(minus(entry["fieldsV1"], mine), present)})
    if manager and mine and not found:
        entries.append(entry_of(new, manager, "Update", subresource, time, mine))
    return with_entries(new, entries)


def entry_of(body: Object, manager: str, operation: str, subresource: str, time: str, owned: Fields) -> Object:
    entry = {
        "manager": manager,
        "operation": operation,
        "apiVersion": body["apiVersion"],
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": owned,
    }
    return {**entry, "subresource": subresource} if subresource else entry


def with_entries(body: Object, entries: list[Object]) -> Object:
    """Changes `body`."""
    kept = [entry for entry in entries if entry["fieldsV1"]]
    body["metadata"].pop("managedFields", None)
    if kept:
        body["metadata"]["managedFields"] = kept
    return body


def minus_unowned(owned: Fields) -> Fields:
    left = {name: inner for name, inner in owned.items() if name.removeprefix("f:") not in _UNOWNED}
    given = {
        name: inner
        for name, inner in left.pop("f:metadata", {}).items()
        if name.removeprefix("f:") not in _UNOWNED_METADATA
    }
    return {"f:metadata": given, **left} if given else left


def _given(body: Object) -> list[Object]:
    """The entries that the body has of itself: a client that moves them from one manager to another sends them."""
    given = body["metadata"].get("managedFields") or []
    return [entry for entry in given if all(entry.get(name) for name in _ENTRY) and _is_tree(entry["fieldsV1"])]


def _is_tree(owned: Any) -> bool:
    return isinstance(owned, dict) and all(_is_tree(inner) for inner in owned.values())


def _plain(body: Object | None) -> Object:
    return body or {}


def _is(entry: Object, manager: str, operation: str, subresource: str) -> bool:
    return (entry["manager"], entry["operation"], entry.get("subresource", "")) == (manager, operation, subresource)
