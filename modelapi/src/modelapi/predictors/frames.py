"""HTTP/2's frames and header blocks as bytes (RFC 9113, RFC 7541). Nothing here waits or sends."""

import struct
from collections.abc import Iterator
from functools import lru_cache

import hpack

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
CANCEL, REFUSED_STREAM = 0x8, 0x7
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME = 1, 2, 3, 4, 5
WIDEST = 2**31 - 1
DEFAULT_WINDOW = 65_535
LARGEST_FRAME = 16_384  # that we take; SETTINGS_MAX_FRAME_SIZE as it is without a word

WORD = struct.Struct(">I")
SETTING = struct.Struct(">HI")
_HEAD = struct.Struct(">HBBBI")  # length (2 + 1 bytes), type, flags, stream
_HEAD_SIZE = 9


class BadFrame(Exception):
    """What came is not HTTP/2."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame with its payload."""
    return head(kind, flags, stream, len(payload)) + payload


def head(kind: int, flags: int, stream: int, length: int) -> bytes:
    """The nine bytes before a payload."""
    return _HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream)


PREFACE = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    + frame(
        SETTINGS,
        0,
        0,
        SETTING.pack(HEADER_TABLE_SIZE, 0) + SETTING.pack(ENABLE_PUSH, 0) + SETTING.pack(INITIAL_WINDOW, WIDEST),
    )
    + frame(WINDOW_UPDATE, 0, 0, WORD.pack(WIDEST - DEFAULT_WINDOW))
)


def literal(name: str, value: str) -> bytes:
    """A header field for a header block: without indexing, without Huffman coding (RFC 7541, 6.2.2)."""
    return b"\x00" + _string(name.encode("ascii")) + _string(value.encode("ascii"))


def _string(text: bytes) -> bytes:
    length = len(text)
    if length < 127:
        return length.to_bytes(1, "big") + text
    parts, rest = bytearray(b"\x7f"), length - 127
    while rest >= 128:
        parts.append(rest & 127 | 128)
        rest >>= 7
    parts.append(rest)
    return bytes(parts) + text


@lru_cache(256)
def decoded(block: bytes) -> dict[str, str]:
    """The headers of a block that uses no dynamic table; the same dict for the same block: do not write to it."""
    decoder = hpack.Decoder()
    decoder.header_table_size = decoder.max_allowed_table_size = 0
    try:
        return {_text(name): _text(value) for name, value, *_ in decoder.decode(block, raw=True)}
    except (hpack.HPACKError, IndexError) as exc:
        raise BadFrame(f"a header block cannot be read: {exc}") from exc


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def unpadded(flags: int, payload: bytes) -> bytes:
    """The payload of a DATA or HEADERS frame without its padding."""
    if not flags & PADDED:
        return payload
    if payload[0] >= len(payload):
        raise BadFrame("more padding than payload")
    return payload[1 : len(payload) - payload[0]]


def frames_of(data: bytes) -> Iterator[tuple[int, int, int, bytes, int]]:
    """The complete frames in `data`: type, flags, stream, payload, and where the next one begins."""
    at, end = 0, len(data)
    while end - at >= _HEAD_SIZE:
        high, low, kind, flags, stream = _HEAD.unpack_from(data, at)
        length = high << 8 | low
        if length > LARGEST_FRAME:
            raise BadFrame(f"a frame of {length} bytes")
        stop = at + _HEAD_SIZE + length
        if stop > end:
            return
        yield kind, flags, stream & WIDEST, data[at + _HEAD_SIZE : stop], stop
        at = stop


def header_frames(stream: int, block: bytes, largest: int) -> bytes:
    """A header block as one HEADERS frame and as many CONTINUATION frames as it takes."""
    pieces = [block[at : at + largest] for at in range(0, len(block), largest)]
    last = len(pieces) - 1
    return b"".join(
        frame(CONTINUATION if i else HEADERS, END_HEADERS if i == last else 0, stream, piece)
        for i, piece in enumerate(pieces)
    )
