"""Stored objects as the documents that a plan is made from: the same as if they had stood in a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isvc.errors import ManifestError, Place
from isvc.manifest import Document, check
from isvc.manifest.decode import decode
from isvc.manifest.documents import KINDS
from isvc.manifest.nodes import Node, join
from isvc.server.resources import Object, Resource

_METADATA = ("name", "namespace", "labels", "annotations")
"""What people write; the rest is the system's."""


def document(resource: Resource, body: Object) -> Document:
    """Raises ManifestError, whose place names the object as kubectl does, `inferenceservices/NAME`."""
    kind = KINDS.get((body.get("apiVersion", ""), body.get("kind", "")))
    metadata = body.get("metadata", {})
    file = f"{resource.plural}/{metadata.get('name', '')}"
    if kind is None:
        raise ManifestError(f"{body.get('apiVersion')} {body.get('kind')} does not run here", Place(file))
    written = {name: value for name, value in body.items() if name != "status"}
    written["metadata"] = {name: metadata[name] for name in _METADATA if name in metadata}
    source = _node(written, file, "")
    value, notices = decode(source, kind)
    read = Document(value, source, notices)
    check(read)
    return read


def _node(value: Any, file: str, path: str) -> Node:
    place = Place(file, 0, path)
    match value:
        case Mapping():
            return Node({key: _node(item, file, join(path, key)) for key, item in value.items()}, place)
        case list():
            return Node(tuple(_node(item, file, join(path, index)) for index, item in enumerate(value)), place)
        case _:
            return Node(value, place)
