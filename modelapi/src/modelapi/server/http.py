"""One HTTP exchange over bare ASGI: headers in, body in, an answer out. No routes and no models here."""

import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from modelapi.errors import BodyTooLarge, InvalidInput

Scope = Mapping[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Chunk = bytes | bytearray | memoryview
RawHeaders = list[tuple[bytes, bytes]]

JSON: tuple[bytes, bytes] = (b"content-type", b"application/json")
OCTETS: tuple[bytes, bytes] = (b"content-type", b"application/octet-stream")
_JOIN_BELOW = 64 * 1024
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class Disconnected(Exception):
    """The caller went away before its request was complete."""


def headers_of(scope: Scope) -> dict[str, str]:
    """The request's headers as handlers see them: one mutable dict, lower-case names; of duplicates the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def read_body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """The whole body, decompressed if `content-encoding` says so; BodyTooLarge beyond `limit` bytes, in either form."""
    if int_header(headers, "content-length", 0) > limit:
        raise BodyTooLarge(limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        body = await _read_rest(receive, body, limit)
    if message["type"] == "http.disconnect":
        raise Disconnected
    if len(body) > limit:
        raise BodyTooLarge(limit)
    encoding = headers.get("content-encoding", "identity")
    return body if encoding == "identity" else decompress(body, encoding, limit)


async def _read_rest(receive: Receive, first: bytes, limit: int) -> bytes:
    chunks, size, more = [first], len(first), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise BodyTooLarge(limit)
        more = message.get("more_body", False)
    return b"".join(chunks)


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """A gzip or deflate body in plain; never more than `limit` bytes."""
    bits = _WINDOW_BITS.get(encoding.strip().lower())
    if bits is None:
        raise InvalidInput(f"content-encoding {encoding!r} is not supported: send gzip, deflate or no encoding.")
    decoder = zlib.decompressobj(bits)
    try:
        plain = decoder.decompress(body, limit + 1)
    except zlib.error as exc:
        raise InvalidInput(f"the body is no {encoding}: {exc}.") from exc
    if len(plain) > limit:
        raise BodyTooLarge(limit)
    if not decoder.eof:
        raise InvalidInput(f"the {encoding} body ends too early.")
    return plain


def int_header(headers: Mapping[str, str], name: str, default: int) -> int:
    """A header that must be a number; InvalidInput if it is none, or negative."""
    text = headers.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise InvalidInput(f"header {name}: {text!r} is no number of bytes.")
    return int(text)


def media_type(headers: Mapping[str, str]) -> str:
    """The content type without its parameters; "" if there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


async def answer(send: Send, status: int, headers: RawHeaders, chunks: Iterable[Chunk]) -> None:
    """Send a complete answer; big chunks are handed over one by one instead of being copied together."""
    parts = tuple(chunks)
    length = sum(len(part) for part in parts)
    headers.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if length <= _JOIN_BELOW and len(parts) > 1:
        parts = (b"".join(parts),)
    for part in parts[:-1]:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": parts[-1] if parts else b""})


async def stream(send: Send, headers: RawHeaders, pieces: Any) -> None:
    """Send what an async generator gives, piece by piece."""
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async for piece in pieces:
        body = piece.encode() if isinstance(piece, str) else piece
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
