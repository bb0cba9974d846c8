"""Nodes -> frozen values, as the dataclasses of the schema say. The schema is the table; this is its one reader.

A field named `storage_uri` in Python is `storageUri` in YAML, unless it is given another name. A field without a
default is required. `ignored(reason)` marks what is accepted and changes nothing here (a notice says so),
`refused(reason)` what KServe knows and this project cannot do. `null` means "not written", as in Kubernetes.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from isvc.errors import InputError, ManifestError
from isvc.manifest.nodes import Node, join, nearest

T = TypeVar("T")

_KIND_OF = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def ignored(reason: str = "", *, name: str = "") -> Any:
    """Accepted, of any shape, and without effect here. Without a reason nobody is told."""
    return dataclasses.field(default=None, metadata={"ignored": reason, "name": name})


def refused(reason: str, *, name: str = "") -> Any:
    """Known to KServe, impossible here, unless it is `false` or empty."""
    return dataclasses.field(default=None, metadata={"refused": reason, "name": name})


@dataclass(frozen=True, slots=True)
class Notice:
    """Something accepted and ignored: its path in the YAML, and what happens instead."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} is ignored: {self.reason}"


def decode(node: Node, kind: type[T], error: type[InputError] = ManifestError) -> tuple[T, tuple[Notice, ...]]:
    """The value that `node` describes, and what was ignored in it. Raises `error`."""
    decoder = _Decoder(error, kind)
    value: T = decoder.value(node, kind)
    return value, tuple(decoder.notices)


def yaml_name(field: dataclasses.Field[Any]) -> str:
    head, *rest = field.name.split("_")
    return field.metadata.get("name") or head + "".join(word.capitalize() for word in rest)


class _Decoder:
    def __init__(self, error: type[InputError], root: type) -> None:
        self._error = error
        self._root = root
        self.notices: list[Notice] = []

    def value(self, node: Node, kind: Any) -> Any:
        kind = _without_none(kind)
        origin = typing.get_origin(kind)
        if kind is object:
            return node.plain()
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            return self._record(node, kind)
        if origin is tuple:
            return self._list(node, typing.get_args(kind)[0])
        if origin is not None and issubclass(origin, Mapping):
            return self._mapping(node, typing.get_args(kind)[1])
        return self._scalar(node, kind)

    def _record(self, node: Node, kind: type) -> Any:
        written = self._fields(node)
        known = {yaml_name(field): field for field in dataclasses.fields(kind)}
        for name, child in written.items():
            if name not in known:
                raise self._error(self._unknown(name, node, known), child.place)
        hints = _hints(kind)
        values = {}
        for name, field in known.items():
            if name in written and written[name].value is not None:
                values[field.name] = self._field(written[name], field, hints[field.name])
            elif field.default is dataclasses.MISSING:
                raise self._error("is missing, and has to be there", node.at(name))
        return kind(**values)

    def _field(self, node: Node, field: dataclasses.Field[Any], kind: Any) -> Any:
        if "refused" in field.metadata:
            if node.value:
                raise self._error(field.metadata["refused"], node.place)
            return None
        if "ignored" in field.metadata:
            if field.metadata["ignored"]:
                self.notices.append(Notice(node.place.path, field.metadata["ignored"]))
            return node.plain()
        return self.value(node, kind)

    def _fields(self, node: Node) -> Mapping[str, Node]:
        if not isinstance(node.value, dict):
            raise self._error(f"is {_describe(node)}; it has to be a mapping (`name: value` lines)", node.place)
        return node.value

    def _list(self, node: Node, kind: Any) -> tuple[Any, ...]:
        if not isinstance(node.value, tuple):
            raise self._error(f"is {_describe(node)}; it has to be a list (`- value` lines)", node.place)
        for item in node.value:
            if item.value is None:
                raise self._error("is empty; write a value, or remove the `-`", item.place)
        return tuple(self.value(item, kind) for item in node.value)

    def _mapping(self, node: Node, kind: Any) -> Mapping[str, Any]:
        fields = self._fields(node)
        return {key: self.value(child, kind) for key, child in fields.items() if child.value is not None}

    def _scalar(self, node: Node, kind: Any) -> Any:
        allowed = typing.get_args(kind) or (kind,)
        value = node.value
        if type(value) in allowed or (type(value) is int and float in allowed):
            return value
        wanted = " or ".join(_KIND_OF[member] for member in allowed)
        mend = ""
        if str in allowed and isinstance(value, bool | int | float):
            mend = '; write it in quotes: "…"'
        if allowed == (int,) and isinstance(value, str) and value.strip().lstrip("-").isdigit():
            mend = f"; write it without quotes: {value.strip()}"
        raise self._error(f"is {_describe(node)}; it has to be {wanted}{mend}", node.place)

    def _unknown(self, name: str, node: Node, known: Mapping[str, Any]) -> str:
        """Of a field that does not belong here: what it looks like, else where it belongs, else what may be here."""
        similar = nearest(name, known)
        if similar:
            return f"unknown field; did you mean `{similar}`?"
        elsewhere = next((path for path in _paths(self._root) if path.rpartition(".")[2] == name), "")
        if elsewhere:
            return f"unknown field here; it belongs at `{elsewhere}`"
        if len(known) <= 12:
            return f"unknown field; known here: {', '.join(known)}"
        return f"unknown field; remove it, or look up its right name in KServe's reference of {node.place.path}"


def _describe(node: Node) -> str:
    match node.value:
        case dict():
            return "a mapping"
        case tuple():
            return "a list"
        case None:
            return "empty"
        case bool(flag):
            return f"the boolean {str(flag).lower()}"
        case int() | float():
            return f"the number {node.value}"
    text = str(node.value)
    return f'the text "{text if len(text) <= 40 else text[:37] + "..."}"'


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _without_none(kind: Any) -> Any:
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return kind
    members = tuple(member for member in typing.get_args(kind) if member is not type(None))
    return members[0] if len(members) == 1 else functools.reduce(operator.or_, members)


def _paths(root: type) -> Iterator[str]:
    """Every field of the schema as a path, the shallow ones first."""
    level: list[tuple[str, Any]] = [("", root)]
    for _ in range(8):
        deeper: list[tuple[str, Any]] = []
        for path, kind in level:
            for field in dataclasses.fields(kind):
                here = join(path, yaml_name(field))
                yield here
                deeper.extend(_records(here, _hints(kind)[field.name]))
        level = deeper


def _records(path: str, kind: Any) -> Iterator[tuple[str, Any]]:
    kind = _without_none(kind)
    if typing.get_origin(kind) is tuple:
        path, kind = f"{path}[]", _without_none(typing.get_args(kind)[0])
    if dataclasses.is_dataclass(kind):
        yield path, kind
