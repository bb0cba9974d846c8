"""The API's description: OpenAPI v3 as kubectl reads it now, v2 as older ones do. Pure.

A path stands in it for what kubectl looks up there: of which kind it is, and that `fieldValidation` is understood.
Version 2 is asked for in protobuf, which `swagger` writes.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from isvc.server.resources import RESOURCES, Object, Resource
from isvc.server.schema import REF, Schema, name_of, schemas

_INFO = {"title": "KServe on one machine", "version": "v1"}
_QUERY = ("dryRun", "fieldManager", "fieldValidation", "pretty")
_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
)


@functools.cache
def index() -> Mapping[str, Any]:
    """Which documents there are; each address changes with its document, and so can be kept."""
    return {"paths": {path: {"serverRelativeURL": _address(path)} for path in sorted(_groups())}}


@functools.cache
def document(path: str) -> Mapping[str, Any] | None:
    """The v3 document of `api/v1` or `apis/GROUP/VERSION`."""
    resources = _groups().get(path)
    if resources is None:
        return None
    roots = [name_of(resource) for resource in resources]
    return {
        "openapi": "3.0.0",
        "info": _INFO,
        "paths": _paths(resources, "3"),
        "components": {"schemas": _with_references(roots)},
    }


@functools.cache
def swagger() -> Mapping[str, Any]:
    """The v2 document of all."""
    definitions = {name: _of_version_2(schema) for name, schema in schemas().items()}
    return {"swagger": "2.0", "info": _INFO, "paths": _paths(RESOURCES, "2"), "definitions": definitions}


def _groups() -> dict[str, list[Resource]]:
    found: dict[str, list[Resource]] = {}
    for resource in RESOURCES:
        found.setdefault(root(resource).removeprefix("/"), []).append(resource)
    return found


def root(resource: Resource) -> str:
    """Where the resources of a version are: `/api/v1`, `/apis/serving.kserve.io/v1beta1`."""
    return f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"


def _address(path: str) -> str:
    digest = hashlib.sha256(json.dumps(document(path), sort_keys=True).encode()).hexdigest()
    return f"/openapi/v3/{path}?hash={digest[:32].upper()}"


def _paths(resources: Sequence[Resource], version: str) -> dict[str, Any]:
    return dict(path for resource in resources for path in _paths_of(resource, version))


def _paths_of(resource: Resource, version: str) -> Iterator[tuple[str, Any]]:
    middle = "/namespaces/{namespace}" if resource.namespaced else ""
    many = f"{root(resource)}{middle}/{resource.plural}"
    yield many, {verb: _operation(resource, verb, version) for verb in _verbs(resource, ("get", "post"))}
    each = {verb: _operation(resource, verb, version) for verb in _verbs(resource, ("get", "put", "patch", "delete"))}
    yield f"{many}/{{name}}", each


def _verbs(resource: Resource, all_of_them: Sequence[str]) -> Sequence[str]:
    return all_of_them if resource.stored else ("get",)


def _operation(resource: Resource, verb: str, version: str) -> Object:
    gvk = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    operation: Object = {
        "operationId": f"{verb}{resource.group.title().replace('.', '')}{resource.version.title()}{resource.kind}",
        "parameters": [_parameter(name, version) for name in _QUERY] if verb != "get" else [],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-group-version-kind": gvk,
    }
    if verb == "patch":
        if version == "2":
            operation["consumes"] = list(_PATCHES)
        else:
            operation["requestBody"] = {"content": {name: {"schema": {"type": "object"}} for name in _PATCHES}}
    return operation


def _parameter(name: str, version: str) -> Object:
    kind = {"type": "string"}
    return {"name": name, "in": "query", **(kind if version == "2" else {"schema": kind})}


def _with_references(names: Sequence[str]) -> dict[str, Schema]:
    """The schemas called `names`, and what they refer to."""
    found: dict[str, Schema] = {}
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found[name] = schemas()[name]
            left.extend(_references(found[name]))
    return found


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for item in schema:
            yield from _references(item)
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                yield value.removeprefix(REF)
            else:
                yield from _references(value)


def _of_version_2(schema: Any) -> Any:
    """References stand alone and point elsewhere; a field that may have any shape has none."""
    if isinstance(schema, list):
        return [_of_version_2(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    for part in schema.get("allOf", ()):
        return {"$ref": "#/definitions/" + part["$ref"].removeprefix(REF)}
    if schema.get("x-kubernetes-preserve-unknown-fields") and "x-kubernetes-group-version-kind" not in schema:
        # Validators before 1.24 know no such mark, and would refuse each field of an object without properties.
        return {"description": schema["description"]} if "description" in schema else {}
    return {key: _of_version_2(value) for key, value in schema.items()}
