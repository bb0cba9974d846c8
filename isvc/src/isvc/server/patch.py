"""The patches that change an object by what they say: merge (RFC 7386), JSON (RFC 6902) and strategic merge. Pure.

Strategic merge is for Kubernetes' own kinds only, as in Kubernetes: it needs to know by which key a list is merged.
Server-side apply is in `apply`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from isvc.server.errors import BadRequest, Cause, Invalid
from isvc.server.resources import Object, Resource

_KEYS: Mapping[str, str] = {
    "secrets": "name",
    "imagePullSecrets": "name",
    "ownerReferences": "uid",
}
"""By which key the lists of the kinds here are merged."""
_LISTS_OF_TEXT = ("finalizers",)
"""Merged as sets."""


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: `null` takes a field away, a map is merged, anything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def strategic(target: Any, patch: Any) -> Any:
    """As `merge`, but the lists that have a key are merged item by item; with the directives kubectl writes."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    if patch.get("$patch") == "replace":
        return {name: copy.deepcopy(value) for name, value in patch.items() if name != "$patch"}
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.partition("/")[2]
            merged[field] = [item for item in merged.get(field) or [] if item not in value]
        elif name.startswith("$"):
            continue  # $retainKeys is of unions, $setElementOrder of an order that nothing here reads
        elif value is None:
            merged.pop(name, None)
        elif name in _LISTS_OF_TEXT and isinstance(value, list):
            merged[name] = [*(merged.get(name) or []), *(item for item in value if item not in merged.get(name, []))]
        elif name in _KEYS and isinstance(value, list):
            merged[name] = _merged_list(merged.get(name) or [], value, _KEYS[name])
        else:
            merged[name] = strategic(merged.get(name), value)
    return merged


def _merged_list(target: Sequence[Object], patch: Sequence[Object], key: str) -> list[Object]:
    if any(item.get("$patch") == "replace" for item in patch):
        return [copy.deepcopy(item) for item in patch if "$patch" not in item]
    items = {item.get(key): item for item in target}
    for item in patch:
        if item.get("$patch") == "delete":
            items.pop(item.get(key), None)
        else:
            items[item.get(key)] = strategic(items.get(item.get(key)), item)
    return list(items.values())


def json_patch(resource: Resource, name: str, target: Object, operations: Any) -> Object:
    """RFC 6902. Raises BadRequest for what is no patch, Invalid where it does not fit the object."""
    if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
        raise BadRequest('a JSON patch is a list of operations: [{"op": "add", "path": "/a", "value": 1}]')
    patched: Any = copy.deepcopy(target)
    for operation in operations:
        patched = _operate(resource, name, patched, operation)
    if not isinstance(patched, dict):
        raise BadRequest("the patch leaves no object")
    return patched


def _operate(resource: Resource, name: str, body: Any, operation: Object) -> Any:
    kind, path = str(operation.get("op")), operation.get("path")
    try:
        if kind not in _OPERATIONS or not isinstance(path, str):
            raise BadRequest(f"no operation of a JSON patch: {operation}")
        return _OPERATIONS[kind](body, operation)
    except (LookupError, TypeError, ValueError) as exc:
        message = f"the server rejected our request due to an error in our request: {kind} {path}: {exc}"
        raise Invalid.of(resource, name, [Cause(str(path), message)]) from exc


def _add(body: Any, operation: Object) -> Any:
    return _put(body, operation["path"], copy.deepcopy(operation["value"]), insert=True)


def _replace(body: Any, operation: Object) -> Any:
    _get(body, operation["path"])
    return _put(body, operation["path"], copy.deepcopy(operation["value"]), insert=False)


def _remove(body: Any, operation: Object) -> Any:
    parent, last = _parent(body, operation["path"])
    del parent[_index(parent, last) if isinstance(parent, list) else last]
    return body


def _copy(body: Any, operation: Object) -> Any:
    return _put(body, operation["path"], copy.deepcopy(_get(body, operation["from"])), insert=True)


def _move(body: Any, operation: Object) -> Any:
    if f"{operation['path']}/".startswith(f"{operation['from']}/") and operation["path"] != operation["from"]:
        raise ValueError("cannot be moved into itself")
    value = _get(body, operation["from"])
    return _put(_remove(body, {"path": operation["from"]}), operation["path"], value, insert=True)


def _test(body: Any, operation: Object) -> Any:
    found = _get(body, operation["path"])
    if found != operation["value"]:
        raise ValueError("testing value failed")
    return body


_OPERATIONS: Mapping[str, Callable[[Any, Object], Any]] = {
    "add": _add,
    "replace": _replace,
    "remove": _remove,
    "copy": _copy,
    "move": _move,
    "test": _test,
}


def _steps(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise ValueError('a path starts with "/"')
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


def _get(body: Any, path: str) -> Any:
    for step in _steps(path):
        body = body[_index(body, step)] if isinstance(body, list) else body[step]
    return body


def _parent(body: Any, path: str) -> tuple[Any, str]:
    *before, last = _steps(path)
    for step in before:
        body = body[_index(body, step)] if isinstance(body, list) else body[step]
    return body, last


def _put(body: Any, path: str, value: Any, *, insert: bool) -> Any:
    if path == "":
        return value
    parent, last = _parent(body, path)
    if isinstance(parent, dict):
        parent[last] = value
    elif not isinstance(parent, list):
        raise TypeError("there is no place in it")
    elif insert:
        parent.insert(len(parent) if last == "-" else _index([*parent, None], last), value)
    else:
        parent[_index(parent, last)] = value
    return body


def _index(items: Sequence[Any], step: str) -> int:
    index = int(step) if step.isdigit() else -1
    if not 0 <= index < len(items):
        raise IndexError(f"there is no item {step}")
    return index
