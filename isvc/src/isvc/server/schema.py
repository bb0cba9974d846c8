"""The manifest's classes as JSON schemas, for `kubectl explain`, for validation, and to know an unknown field. Pure.

The classes are the one schema; this only writes it down in OpenAPI's words. A field that is accepted and ignored may
have any shape, and its description says what happens instead.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from isvc.manifest.decode import yaml_name
from isvc.manifest.documents import KINDS, Metadata
from isvc.manifest.nodes import join, nearest
from isvc.server.resources import RESOURCES, Object, Resource

Schema = dict[str, Any]
REF = "#/components/schemas/"

_ANY: Schema = {"x-kubernetes-preserve-unknown-fields": True}
_SCALARS: Mapping[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer", "format": "int64"},
    float: {"type": "number"},
    object: _ANY,
}
_INT_OR_STRING: Schema = {"x-kubernetes-int-or-string": True}
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_STRINGS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}


_TOLD: Mapping[str, str] = {
    "spec": "What is wanted.",
    "predictor": "What serves the model.",
    "transformer": "What stands before the predictor: it prepares requests and completes answers.",
    "canary": "Second predictors, each with its share of the requests.",
    "model": "The model by its format; a runtime that supports the format serves it.",
    "modelFormat": "Name, and perhaps version, of the format.",
    "runtime": "Name of the ServingRuntime or ClusterServingRuntime, instead of the one that is selected.",
    "storageUri": "Where the model is; isvc.yaml says which folder stands for it here.",
    "storage": "Where the model is, by a key of the secret storage-config.",
    "protocolVersion": "Protocol of the model server: v1, v2, grpc-v1 or grpc-v2.",
    "containers": "The containers of the component; the first is the one that serves.",
    "image": "Of a container; isvc.yaml says which build folder stands for it here.",
    "command": "Instead of the image's own.",
    "args": "Arguments of the command; KServe's are added behind them.",
    "env": "Variables of the environment.",
    "minReplicas": "How many instances run.",
    "timeout": "Seconds that a request may take.",
    "containerConcurrency": "How many requests at once.",
    "logger": "Sends requests and answers as CloudEvents.",
    "batcher": "Puts requests of several callers together.",
}
"""Of the fields that people ask for first."""


@functools.cache
def schemas() -> Mapping[str, Schema]:
    """Every schema by its name, those of the resources' kinds among them."""
    found: dict[str, Schema] = {_META: _object_meta()}
    for resource in RESOURCES:
        found[name_of(resource)] = _kind_schema(resource, found)
    return found


def name_of(resource: Resource) -> str:
    """`io.kserve.serving.v1beta1.InferenceService`, `io.k8s.api.core.v1.Secret`, as in Kubernetes' own documents."""
    if resource.group.endswith("kserve.io"):
        return f"io.kserve.serving.{resource.version}.{resource.kind}"
    return f"io.k8s.api.{resource.group or 'core'}.{resource.version}.{resource.kind}"


def unknown_fields(resource: Resource, body: Object) -> list[tuple[str, str]]:
    """The paths of the fields in `body` that the kind does not have, each with the name that it looks like, or ""."""
    return [(stray.path, stray.similar) for stray in _strays(schemas()[name_of(resource)], body, "")]


def prune(resource: Resource, body: Object) -> None:
    """Take the fields that the kind does not have out of `body`."""
    for stray in list(_strays(schemas()[name_of(resource)], body, "")):
        del stray.holder[stray.name]


class _Stray(NamedTuple):
    path: str
    holder: Object
    name: str
    similar: str


def _strays(schema: Schema, value: Any, path: str) -> Iterator[_Stray]:
    schema = _resolved(schema)
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _strays(schema["items"], item, join(path, index))
    if not isinstance(value, dict) or "x-kubernetes-preserve-unknown-fields" in schema:
        return
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, inner in value.items():
        shape = known.get(name) or others
        if shape is not None:
            yield from _strays(shape, inner, join(path, name))
        elif "properties" in schema:
            yield _Stray(join(path, name), value, name, nearest(name, known))


def _resolved(schema: Schema) -> Schema:
    for part in schema.get("allOf", ()):
        if "$ref" in part:
            return schemas()[part["$ref"].removeprefix(REF)]
    return schema


def _kind_schema(resource: Resource, found: dict[str, Schema]) -> Schema:
    kind = KINDS.get((resource.api_version, resource.kind))
    gvk = [{"group": resource.group, "version": resource.version, "kind": resource.kind}]
    head: Schema = {
        "apiVersion": {"type": "string", "description": f"Always {resource.api_version}."},
        "kind": {"type": "string", "description": f"Always {resource.kind}."},
        "metadata": {"allOf": [{"$ref": REF + _META}], "description": "Name, namespace, labels and annotations."},
    }
    if kind is None:
        return {"type": "object", "properties": head, "x-kubernetes-group-version-kind": gvk, **_ANY}
    record = _record(kind, resource, found)
    properties = {**record["properties"], **head}
    if resource.has_status:
        properties["status"] = {"type": "object", "description": "What was observed. Read-only.", **_ANY}
    required = [name for name in record.get("required", ()) if name not in ("apiVersion", "kind", "metadata")]
    whole = {**record, "properties": properties, "x-kubernetes-group-version-kind": gvk}
    whole.pop("required", None)
    return {**whole, "required": required} if required else whole


def _record(kind: type, resource: Resource, found: dict[str, Schema]) -> Schema:
    properties: dict[str, Schema] = {}
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        shape = _ANY if _is_free(field) else _shape(hints[field.name], resource, found)
        told = _described(field)
        if told:
            shape = {**shape, "description": told}
        properties[yaml_name(field)] = shape
    schema: Schema = {"type": "object", "properties": properties}
    if kind.__doc__ and not kind.__doc__.startswith(f"{kind.__name__}("):
        schema["description"] = " ".join(kind.__doc__.split())
    required = [yaml_name(field) for field in dataclasses.fields(kind) if _is_required(field)]
    return {**schema, "required": required} if required else schema


def _is_free(field: dataclasses.Field[Any]) -> bool:
    return "ignored" in field.metadata or "refused" in field.metadata


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _described(field: dataclasses.Field[Any]) -> str:
    if field.metadata.get("refused"):
        return f"Not possible here: {field.metadata['refused']}."
    if field.metadata.get("ignored"):
        return f"Accepted and ignored here: {field.metadata['ignored']}."
    return _TOLD.get(yaml_name(field), "")


def _shape(kind: Any, resource: Resource, found: dict[str, Schema]) -> Schema:
    origin, parts = typing.get_origin(kind), [part for part in typing.get_args(kind) if part is not type(None)]
    if origin in (typing.Union, types.UnionType):
        return _shape(parts[0], resource, found) if len(parts) == 1 else _INT_OR_STRING
    if origin is tuple:
        return {"type": "array", "items": _shape(parts[0], resource, found)}
    if origin is not None:
        return {"type": "object", "additionalProperties": _shape(parts[1], resource, found)}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _reference(kind, resource, found)
    return _SCALARS[kind]


def _reference(kind: type, resource: Resource, found: dict[str, Schema]) -> Schema:
    name = _META if kind is Metadata else f"{name_of(resource).rpartition('.')[0]}.{kind.__name__}"
    if name not in found:
        found[name] = {}  # a class may hold itself
        found[name].update(_record(kind, resource, found))
    return {"allOf": [{"$ref": REF + name}]}


def _object_meta() -> Schema:
    """Kubernetes' own, by hand: much of it is written by the store."""
    text, free = {"type": "string"}, {"type": "array", "items": _ANY}
    properties: dict[str, Schema] = {
        "name": {**text, "description": "Unique among the objects of a kind in a namespace."},
        "generateName": {**text, "description": "What a name is made from, if there is none."},
        "namespace": {**text, "description": "`default` if it is not given."},
        "labels": {**_STRINGS, "description": "By which selectors find the object."},
        "annotations": {**_STRINGS, "description": "Text about the object; KServe's settings are among it."},
        "finalizers": {"type": "array", "items": text, "description": "What has to be done before the object goes."},
        "ownerReferences": free,
        "managedFields": {**free, "description": "Who wrote which field."},
        **dict.fromkeys(("uid", "resourceVersion", "selfLink", "creationTimestamp", "deletionTimestamp"), text),
        **{name: {"type": "integer", "format": "int64"} for name in ("generation", "deletionGracePeriodSeconds")},
    }
    return {"type": "object", "properties": properties, "description": "What every object has."}
