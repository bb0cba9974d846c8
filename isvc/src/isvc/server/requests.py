"""Reading a request's body: bounded in size and depth, JSON or YAML, and never more than a Kubernetes error."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from isvc.errors import InputError, ManifestError
from isvc.manifest.nodes import parse
from isvc.server import protobuf
from isvc.server.errors import BadRequest, TooLarge, UnsupportedMedia
from isvc.server.resources import Object
from isvc.server.store import Preconditions

MAX_BYTES = 3 * 1024 * 1024
MAX_DEPTH = 100
_OBJECT_MEDIA = ("application/json", "application/yaml", protobuf.MEDIA, "", "*/*")


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_object(request: Request) -> Object:
    """Raises UnsupportedMedia, TooLarge, BadRequest."""
    if media_type(request) not in _OBJECT_MEDIA:
        raise UnsupportedMedia(
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join(_OBJECT_MEDIA[:3])
        )
    body = await read_any(request)
    if not isinstance(body, dict):
        raise BadRequest("the body of the request has to be an object")
    return body


async def read_any(request: Request) -> Any:
    """What a body says, in JSON or else in YAML, or in Kubernetes' protobuf. Raises TooLarge, BadRequest."""
    raw = await _bytes(request)
    if media_type(request) == protobuf.MEDIA:
        return protobuf.decode(raw)
    try:
        value = json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError) as exc:
        value = _yaml(raw, str(exc))
    if _deeper_than(value, MAX_DEPTH):
        raise BadRequest(f"the object is nested more than {MAX_DEPTH} levels deep")
    return value


async def delete_options(request: Request) -> tuple[Preconditions, Object]:
    """Which object is meant to be deleted, and the options as they were sent."""
    body = await read_any(request) if request.headers.get("content-length", "0") != "0" else {}
    if not isinstance(body, dict):
        raise BadRequest("DeleteOptions have to be an object")
    given = body.get("preconditions") or {}
    if not isinstance(given, dict):
        raise BadRequest("preconditions have to be an object")
    return Preconditions(str(given.get("uid") or ""), str(given.get("resourceVersion") or "")), body


async def _bytes(request: Request) -> bytes:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BYTES:
            raise TooLarge(f"limit is {MAX_BYTES} bytes")
    return bytes(raw)


def _yaml(raw: bytes, why: str) -> Any:
    try:
        text = raw.decode()
    except UnicodeDecodeError as exc:
        raise BadRequest("the body of the request is no UTF-8 text") from exc
    if text.lstrip().startswith(("{", "[")):
        raise BadRequest(f"the body of the request is no JSON: {why}")
    try:
        documents = parse(text, "the body of the request", ManifestError)
    except InputError as exc:
        raise BadRequest(str(exc)) from exc
    if len(documents) != 1:
        raise BadRequest("the body of the request has to be one object")
    return documents[0].plain()


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number in JSON")


def _deeper_than(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return levels == 0 or any(_deeper_than(item, levels - 1) for item in value)
