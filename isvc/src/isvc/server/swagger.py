"""OpenAPI v2 in protobuf, the only form in which kubectl takes it. Pure.

The numbers are those of the messages in gnostic's openapiv2/OpenAPIv2.proto; only what `openapi.swagger` uses is here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Encoder = Callable[[Any], bytes]


def encode(document: Mapping[str, Any]) -> bytes:
    """A message `openapi.v2.Document`."""
    return b"".join(
        (
            _text(1, document["swagger"]),
            _field(2, _info(document["info"])),
            _field(8, _named(2, document["paths"], _path)),
            _field(9, _named(1, document["definitions"], _schema)),
        )
    )


def _info(info: Mapping[str, str]) -> bytes:
    return _text(1, info["title"]) + _text(2, info["version"])


def _path(item: Mapping[str, Any]) -> bytes:
    numbers = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 8}
    return b"".join(_field(numbers[verb], _operation(operation)) for verb, operation in item.items())


def _operation(operation: Mapping[str, Any]) -> bytes:
    return b"".join(
        (
            _text(5, operation["operationId"]),
            *(_text(7, kind) for kind in operation.get("consumes", ())),
            *(_field(8, _parameter(one)) for one in operation["parameters"]),
            _field(9, _named(1, operation["responses"], _response)),
            _extensions(13, operation),
        )
    )


def _parameter(parameter: Mapping[str, str]) -> bytes:
    """ParametersItem > Parameter > NonBodyParameter > QueryParameterSubSchema."""
    query = _text(2, parameter["in"]) + _text(4, parameter["name"]) + _text(6, parameter["type"])
    return _field(1, _field(2, _field(3, query)))


def _response(response: Mapping[str, str]) -> bytes:
    return _field(1, _text(1, response["description"]))


def _schema(schema: Mapping[str, Any]) -> bytes:
    parts = [encoder(schema[key]) for key, encoder in _SCHEMA if key in schema]
    return b"".join((*parts, _extensions(31, schema)))


_SCHEMA: tuple[tuple[str, Encoder], ...] = (
    ("$ref", lambda value: _text(1, value)),
    ("format", lambda value: _text(2, value)),
    ("description", lambda value: _text(4, value)),
    ("required", lambda value: b"".join(_text(19, name) for name in value)),
    ("additionalProperties", lambda value: _field(21, _field(1, _schema(value)))),
    ("type", lambda value: _field(22, _text(1, value))),
    ("items", lambda value: _field(23, _field(1, _schema(value)))),
    ("properties", lambda value: _field(25, _named(1, value, _schema))),
)


def _extensions(number: int, holder: Mapping[str, Any]) -> bytes:
    """NamedAny, whose value is YAML, which JSON is."""
    named = ((key, value) for key, value in holder.items() if key.startswith("x-"))
    return b"".join(_field(number, _text(1, key) + _field(2, _text(2, json.dumps(value)))) for key, value in named)


def _named(number: int, entries: Mapping[str, Any], encoder: Encoder) -> bytes:
    """Pairs of a name and a value, as gnostic writes maps."""
    pairs: Iterable[tuple[str, Any]] = entries.items()
    return b"".join(_field(number, _text(1, name) + _field(2, encoder(value))) for name, value in pairs)


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode())


def _field(number: int, payload: bytes) -> bytes:
    """A field of bytes: its tag, its length, and itself."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
