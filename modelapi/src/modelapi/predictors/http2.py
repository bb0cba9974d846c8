"""The HTTP/2 client under the gRPC wire: one connection to one predictor, many requests on it at once (RFC 9113).

It is here because a call through grpc.aio takes some 0.2 ms of CPU, most of what a transformer costs, and copies a
tensor four times; this takes under half of that, and sends a tensor from where it lies. What keeps it short: a request
is known whole before it is sent; HPACK has no dynamic table in either direction (SETTINGS_HEADER_TABLE_SIZE 0), so
that equal header blocks mean equal headers and are decoded once; and what we take is as much as HTTP/2 has numbers
for, so that only the predictor holds anything back.
"""

import asyncio
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import cast

from modelapi.predictors.dial import Chunks
from modelapi.predictors.frames import (
    ACK,
    CANCEL,
    CONTINUATION,
    DATA,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW,
    LARGEST_FRAME,
    MAX_FRAME,
    MAX_STREAMS,
    PING,
    PREFACE,
    PRIORITY,
    REFUSED_STREAM,
    RST_STREAM,
    SETTING,
    SETTINGS,
    WIDEST,
    WINDOW_UPDATE,
    WORD,
    BadFrame,
    decoded,
    frame,
    frames_of,
    head,
    header_frames,
    unpadded,
)

_TOP_UP = 2**30  # how much comes before the predictor is told that it may go on
_LARGEST_BLOCK = 64 * 1024  # of headers, which CONTINUATION frames could make without end
_JOIN_BELOW = 64 * 1024  # one write of a copy is cheaper than two writes

Headers = dict[str, str]


class Refused(Exception):
    """The request was not looked at (GOAWAY, REFUSED_STREAM, no stream left): another connection may take it."""


class Reset(Exception):
    """The predictor ended this one stream; `code` is HTTP/2's."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the stream was reset ({code})")
        self.code = code


class Broken(Exception):
    """The connection ended, or what comes on it is not HTTP/2; the message says which."""


@dataclass(slots=True)
class Answer:
    """An answer; `trailers` are its headers where nothing else came, and empty where it ended without any."""

    headers: Headers
    body: bytes
    trailers: Headers


@dataclass(slots=True)
class _Stream:
    """A request under way: what is not sent yet, and what came."""

    answer: "asyncio.Future[Answer]"
    window: int  # how much of it the predictor takes at present
    unsent: deque[memoryview] = field(default_factory=deque)
    headers: Headers | None = None
    body: list[bytes] = field(default_factory=list)

    def settle(self, trailers: Headers) -> None:
        if not self.answer.done():
            body = self.body[0] if len(self.body) == 1 else b"".join(self.body)
            self.answer.set_result(Answer(trailers if self.headers is None else self.headers, body, trailers))

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Connection(asyncio.Protocol):
    """One connection. `request` and `close` are for users; everything else reacts to what comes in."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._streams: dict[int, _Stream] = {}
        self._next = 1
        self._rest = b""  # of a frame that has not come completely
        self._block: tuple[int, int, bytes] | None = None  # of headers that go on: stream, flags, what came
        self._window = self._stream_window = DEFAULT_WINDOW
        self._most_streams = WIDEST
        self._largest_frame = LARGEST_FRAME
        self._received = 0  # since the predictor was last told that it may go on
        self._heard = 0.0
        self._turns: deque[asyncio.Future[None]] = deque()  # of requests that wait for a stream to end
        self.usable = True

    async def request(self, block: bytes, body: Chunks, seconds: float) -> Answer:
        """The answer to a request with this header block and body; nothing is left of it if the caller goes away.

        Raises:
            TimeoutError, Refused, Reset, Broken
        """
        if len(self._streams) >= self._most_streams:
            async with asyncio.timeout(seconds):
                await self._turn()
        if not self.usable:
            raise Refused
        number, self._next = self._next, self._next + 2
        if self._next > WIDEST:
            self.usable = False
        stream = self._streams[number] = _Stream(self._loop.create_future(), self._stream_window)
        timer = self._loop.call_later(seconds, self._expire, stream, self._loop.time())
        self._send(number, stream, block, body)
        try:
            return await stream.answer
        finally:
            timer.cancel()
            if self._streams.pop(number, None) is not None:  # nobody waits for it any more
                self._transport.write(frame(RST_STREAM, 0, number, WORD.pack(CANCEL)))
            self._ended()

    def close(self) -> None:
        """Close it; what is under way is Broken."""
        self.usable = False
        self._transport.close()

    def _expire(self, stream: _Stream, began: float) -> None:
        if self._heard < began:  # not a word about anything: the other side may be gone
            self.usable = False
        stream.fail(TimeoutError())

    async def _turn(self) -> None:
        while self.usable and len(self._streams) >= self._most_streams:
            turn = self._loop.create_future()
            self._turns.append(turn)
            await turn

    def _ended(self) -> None:
        """A stream has ended: the next one may begin, or the connection is done."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        if not self.usable and not self._streams:
            self._transport.close()

    # -- out ------------------------------------------------------------------------------------------------------

    def _send(self, number: int, stream: _Stream, block: bytes, body: Chunks) -> None:
        size = sum(map(len, body))
        headers = header_frames(number, block, self._largest_frame)
        if size <= min(self._largest_frame, self._window, stream.window, _JOIN_BELOW):
            self._window -= size
            stream.window -= size
            self._transport.write(b"".join((headers, head(DATA, END_STREAM, number, size), *body)))
            return
        self._transport.write(headers)
        stream.unsent.extend(memoryview(chunk) for chunk in body if len(chunk))
        self._pump(number, stream)

    def _pump(self, number: int, stream: _Stream) -> None:
        """Send as much of a body as the predictor takes."""
        parts: list[bytes | memoryview] = []
        unsent = stream.unsent
        while unsent and (size := min(self._largest_frame, self._window, stream.window)) > 0:
            pieces = _cut(unsent, size)
            size = sum(map(len, pieces))
            self._window -= size
            stream.window -= size
            parts += (head(DATA, 0 if unsent else END_STREAM, number, size), *pieces)
        if parts:
            self._transport.writelines(parts)

    # -- in -------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(PREFACE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end("the connection was closed" if exc is None else f"the connection was lost ({exc})")

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        data = self._rest + data if self._rest else data
        at = 0
        try:
            for kind, flags, number, payload, end in frames_of(data):
                self._take(kind, flags, number, payload)
                at = end
        except (BadFrame, struct.error, IndexError) as exc:
            self._end(f"it does not answer in HTTP/2 ({exc})")
            self._transport.abort()
        else:
            self._rest = data[at:]

    def _take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if self._block is not None and (kind != CONTINUATION or number != self._block[0]):
            raise BadFrame("a header block is interrupted")
        if kind in (DATA, HEADERS, CONTINUATION):
            self._on_answer(kind, flags, number, payload)
        elif kind == WINDOW_UPDATE:
            self._on_window(number, WORD.unpack(payload)[0] & WIDEST)
        elif kind == PING and not flags & ACK:
            self._transport.write(frame(PING, ACK, 0, payload))
        elif kind == SETTINGS and not flags & ACK:
            self._on_settings(payload)
        elif kind == RST_STREAM:
            self._on_reset(number, WORD.unpack(payload)[0])
        elif kind == GOAWAY:
            self._on_goaway(WORD.unpack_from(payload)[0] & WIDEST)

    def _on_answer(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == DATA:
            self._top_up(len(payload))
            self._on_data(flags, number, unpadded(flags, payload))
        elif kind == HEADERS:
            block = unpadded(flags, payload)[5 if flags & PRIORITY else 0 :]
            self._on_block(flags, number, flags, block)
        elif self._block is None:
            raise BadFrame("a header block goes on that never began")
        else:
            self._on_block(flags, number, self._block[1], self._block[2] + payload)

    def _on_data(self, flags: int, number: int, payload: bytes) -> None:
        stream = self._streams.get(number)
        if stream is not None:
            stream.body.append(payload)
            if flags & END_STREAM:
                self._finish(number, {})

    def _on_block(self, flags: int, number: int, first_flags: int, block: bytes) -> None:
        if not flags & END_HEADERS:
            if len(block) > _LARGEST_BLOCK:
                raise BadFrame("a header block without end")
            self._block = (number, first_flags, block)
            return
        self._block = None
        headers = decoded(block)  # also of a stream that was given up: it may be malformed
        stream = self._streams.get(number)
        if stream is None or headers.get(":status", "").startswith("1"):
            return
        if first_flags & END_STREAM:
            self._finish(number, headers)
        else:
            stream.headers = headers

    def _on_reset(self, number: int, code: int) -> None:
        stream = self._streams.pop(number, None)
        if stream is not None:
            stream.fail(Refused() if code == REFUSED_STREAM else Reset(code))

    def _on_settings(self, payload: bytes) -> None:
        for key, value in SETTING.iter_unpack(payload):
            if key == MAX_STREAMS:
                self._most_streams = value
            elif key == MAX_FRAME:
                self._largest_frame = value
            elif key == INITIAL_WINDOW:
                for stream in self._streams.values():
                    stream.window += value - self._stream_window
                self._stream_window = value
        self._transport.write(frame(SETTINGS, ACK, 0))
        self._pump_all()

    def _on_goaway(self, last: int) -> None:
        """No new requests here; those that were not looked at go elsewhere, the others end in peace."""
        self.usable = False
        for number in [number for number in self._streams if number > last]:
            self._streams.pop(number).fail(Refused())
        self._ended()

    def _on_window(self, number: int, size: int) -> None:
        if not number:
            self._window += size
            self._pump_all()
        elif (stream := self._streams.get(number)) is not None:
            stream.window += size
            self._pump(number, stream)

    def _pump_all(self) -> None:
        for number, stream in self._streams.items():
            if stream.unsent:
                self._pump(number, stream)

    def _top_up(self, size: int) -> None:
        self._received += size
        if self._received >= _TOP_UP:
            self._transport.write(frame(WINDOW_UPDATE, 0, 0, WORD.pack(self._received)))
            self._received = 0

    def _finish(self, number: int, trailers: Headers) -> None:
        stream = self._streams.pop(number)
        if stream.unsent:  # it answered without reading to the end
            self._transport.write(frame(RST_STREAM, 0, number, WORD.pack(CANCEL)))
        stream.settle(trailers)

    def _end(self, why: str) -> None:
        self.usable = False
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.fail(Broken(why))
        for turn in self._turns:
            if not turn.done():
                turn.set_result(None)


def _cut(unsent: deque[memoryview], size: int) -> list[memoryview]:
    """Up to `size` bytes from the front of `unsent`, which they leave."""
    pieces: list[memoryview] = []
    while unsent and size:
        piece = unsent.popleft()
        if len(piece) > size:
            unsent.appendleft(piece[size:])
            piece = piece[:size]
        pieces.append(piece)
        size -= len(piece)
    return pieces
