"""The V1 protocol's bodies: any JSON value. What is inside is between the caller and the Model."""

from typing import Any

import orjson

from modelapi.errors import InferenceError, InvalidInput
from modelapi.types import InferResponse

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY


def decode(body: bytes | bytearray | memoryview) -> Any:
    """The JSON value of a body; InvalidInput if it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise InvalidInput(f"Unrecognized request format: {exc}") from exc


def encode(value: Any) -> bytes:
    """A handler's result as JSON: numpy arrays and scalars straight from memory, responses of V2 as their object."""
    try:
        return orjson.dumps(value, default=_plain, option=_OPTIONS)
    except TypeError as exc:
        return _encode_rare(value, exc)


def _encode_rare(value: Any, first: TypeError) -> bytes:
    """Keys that are no strings cost every dict a check; only what failed without it pays."""
    try:
        return orjson.dumps(value, default=_plain, option=_OPTIONS | orjson.OPT_NON_STR_KEYS)
    except TypeError as exc:
        raise InferenceError(f"The model's result is no JSON: {exc}.") from first


def _plain(value: Any) -> Any:
    """What orjson cannot write by itself: arrays that are not row-major or hold objects, bytes that are text, V2."""
    if isinstance(value, InferResponse):
        return value.to_dict()
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, set | frozenset):
        return list(value)
    tolist = getattr(value, "tolist", None)
    if tolist is not None:
        return tolist()
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as exc:
        raise TypeError("bytes that are no UTF-8 text have no form in JSON") from exc
