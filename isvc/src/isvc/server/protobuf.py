"""Kubernetes' own kinds in protobuf, which `kubectl create` sends them in. Pure: bytes -> the object as JSON has it.

The numbers are those of the messages in k8s.io/api/core/v1/generated.proto and apimachinery's meta/v1. What is not
listed here is passed over, as protobuf means it to be.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from isvc.server.errors import BadRequest

MEDIA = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"

Decoder = Callable[[Any], Any]
Message = Mapping[int, tuple[str, Decoder, str]]
"""By number: the field's name in JSON, what reads it, and whether it is `one`, a `list` or a `map`."""


def decode(raw: bytes) -> dict[str, Any]:
    """Raises BadRequest for what is no protobuf, or of a kind that is not read here."""
    if not raw.startswith(_MAGIC):
        raise BadRequest("the body of the request is no Kubernetes protobuf")
    try:
        envelope = _message(_UNKNOWN)(raw[len(_MAGIC) :])
        head = envelope.get("typeMeta", {})
        kind = _KINDS.get(head.get("kind", ""))
        if kind is None:
            raise BadRequest(f"{head.get('kind', 'this kind')} cannot be sent in protobuf; send application/json")
        return {**_message(kind)(envelope.get("raw", b"")), **head}
    except (IndexError, ValueError, TypeError) as exc:
        raise BadRequest(f"the body of the request is no Kubernetes protobuf: {exc}") from exc


def _message(fields: Message) -> Decoder:
    def decoder(raw: bytes) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for number, value in _fields(raw):
            if number not in fields:
                continue
            name, read, shape = fields[number]
            if shape == "list":
                found.setdefault(name, []).append(read(value))
            elif shape == "map":
                entry = _message({1: ("key", _text, "one"), 2: ("value", read, "one")})(value)
                found.setdefault(name, {})[entry.get("key", "")] = entry.get("value", "")
            else:
                found[name] = read(value)
        return found

    return decoder


def _fields(raw: bytes) -> Iterator[tuple[int, bytes | int]]:
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(raw, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(raw, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(raw):
            raise ValueError("it ends too early")
        yield number, raw[at : at + size]
        at += size


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number is too long")


def _text(value: bytes) -> str:
    return value.decode()


def _raw(value: bytes) -> bytes:
    return value


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _number(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _flag(value: int) -> bool:
    return bool(value)


_METADATA = _message(
    {
        1: ("name", _text, "one"),
        2: ("generateName", _text, "one"),
        3: ("namespace", _text, "one"),
        5: ("uid", _text, "one"),
        6: ("resourceVersion", _text, "one"),
        11: ("labels", _text, "map"),
        12: ("annotations", _text, "map"),
        14: ("finalizers", _text, "list"),
    }
)
_REFERENCE = _message({1: ("kind", _text, "one"), 2: ("namespace", _text, "one"), 3: ("name", _text, "one")})
_LOCAL_REFERENCE = _message({1: ("name", _text, "one")})
_PRECONDITIONS = _message({1: ("uid", _text, "one"), 2: ("resourceVersion", _text, "one")})
_UNKNOWN: Message = {
    1: ("typeMeta", _message({1: ("apiVersion", _text, "one"), 2: ("kind", _text, "one")}), "one"),
    2: ("raw", _raw, "one"),
}
_KINDS: Mapping[str, Message] = {
    "Namespace": {1: ("metadata", _METADATA, "one")},
    "Secret": {
        1: ("metadata", _METADATA, "one"),
        2: ("data", _base64, "map"),
        3: ("type", _text, "one"),
        4: ("stringData", _text, "map"),
        5: ("immutable", _flag, "one"),
    },
    "ConfigMap": {
        1: ("metadata", _METADATA, "one"),
        2: ("data", _text, "map"),
        3: ("binaryData", _base64, "map"),
        4: ("immutable", _flag, "one"),
    },
    "ServiceAccount": {
        1: ("metadata", _METADATA, "one"),
        2: ("secrets", _REFERENCE, "list"),
        3: ("imagePullSecrets", _LOCAL_REFERENCE, "list"),
        4: ("automountServiceAccountToken", _flag, "one"),
    },
    "DeleteOptions": {
        1: ("gracePeriodSeconds", _number, "one"),
        2: ("preconditions", _PRECONDITIONS, "one"),
        4: ("propagationPolicy", _text, "one"),
        5: ("dryRun", _text, "list"),
    },
}
