"""The gRPC hop's HTTP/2 against a peer made of the h2 library: what gRPC's own server never does, or not on demand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as pb

from modelapi.config import PredictorConfig
from modelapi.errors import PredictorFailed, PredictorRejected, PredictorTimeout, PredictorUnavailable
from modelapi.predictors import connect
from modelapi.types import InferInput, InferRequest

Answer = Callable[["Peer", int], None]
HEADERS = [(":status", "200"), ("content-type", "application/grpc")]
TRAILERS = [("grpc-status", "0")]


def message_of(body: bytes = b"") -> bytes:
    answer = body or pb.ModelInferResponse(model_name="mnist", id="7").SerializeToString()
    return b"\x00" + len(answer).to_bytes(4, "big") + answer


def usual(peer: "Peer", stream: int) -> None:
    peer.h2.send_headers(stream, HEADERS)
    peer.h2.send_data(stream, message_of())
    peer.h2.send_headers(stream, TRAILERS, end_stream=True)


@dataclass
class Script:
    """How the peer behaves, and what it saw."""

    answer: Answer = usual
    settings: dict[int, int] = field(default_factory=dict)
    hold_windows: bool = False
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    resets: list[int] = field(default_factory=list)
    connections: list["Peer"] = field(default_factory=list)
    most_streams: int = 0
    port: int = 0


class Peer(asyncio.Protocol):
    """One connection of the h2 server."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.bodies: dict[int, bytes] = {}
        script.connections.append(self)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.h2.initiate_connection()
        if self.script.settings:
            self.h2.update_settings(self.script.settings)
        self.flush()

    def data_received(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            self.react(event)
        self.flush()

    def react(self, event: Any) -> None:
        match event:
            case h2.events.RequestReceived():
                self.script.headers.append(dict(event.headers))
                self.bodies[event.stream_id] = b""
                self.script.most_streams = max(self.script.most_streams, len(self.bodies))
            case h2.events.DataReceived():
                self.bodies[event.stream_id] += event.data
                if not self.script.hold_windows:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                self.script.bodies.append(self.bodies.pop(event.stream_id))
                self.script.answer(self, event.stream_id)
            case h2.events.StreamReset():
                self.bodies.pop(event.stream_id, None)
                self.script.resets.append(int(event.error_code))

    def flush(self) -> None:
        self.transport.write(self.h2.data_to_send())


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[None]:
    server = await asyncio.get_running_loop().create_server(lambda: Peer(script), "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        for peer in script.connections:
            peer.transport.abort()


@asynccontextmanager
async def hop_to(script: Script, **settings: Any) -> AsyncIterator[Any]:
    async with serving(script):
        hop = connect(PredictorConfig(f"127.0.0.1:{script.port}", "grpc-v2", **settings))
        try:
            yield hop
        finally:
            await hop.close()


async def until(happened: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 -- the peer's lists have no event
            await asyncio.sleep(0.01)


def request_of(size: int = 2) -> InferRequest:
    tensor = InferInput("INPUT__0", [1, size], "FP32", data=np.arange(size, dtype=np.float32).reshape(1, size))
    return InferRequest("mnist", [tensor], request_id="7")


async def ask(hop: Any, size: int = 2) -> Any:
    async with asyncio.timeout(20):
        return await hop.predict(request_of(size), "mnist", {"x-request-id": "r1"})


def sent(body: bytes) -> Any:
    assert body[0] == 0
    assert int.from_bytes(body[1:5], "big") == len(body) - 5
    return pb.ModelInferRequest.FromString(body[5:])


async def test_a_call_has_grpcs_headers_and_its_message_parses_with_the_contents_last() -> None:
    script = Script()
    async with hop_to(script) as hop:
        response = await ask(hop)
    assert response.id == "7"
    got = script.headers[0]
    assert (got[":method"], got[":path"]) == ("POST", "/inference.GRPCInferenceService/ModelInfer")
    assert (got["te"], got["content-type"], got["x-request-id"]) == ("trailers", "application/grpc", "r1")
    assert got["grpc-timeout"].endswith("m")
    message = sent(script.bodies[0])
    assert (message.model_name, message.id, list(message.inputs[0].shape)) == ("mnist", "7", [1, 2])
    assert message.raw_input_contents[0] == np.arange(2, dtype=np.float32).tobytes()


async def test_a_body_beyond_every_window_and_frame_goes_as_the_predictor_takes_it() -> None:
    settings = {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1000, h2.settings.SettingCodes.MAX_FRAME_SIZE: 16_384}
    script = Script(settings=settings)
    async with hop_to(script) as hop:
        await ask(hop, 100_000)
    assert sent(script.bodies[0]).raw_input_contents[0] == np.arange(100_000, dtype=np.float32).tobytes()


async def test_a_window_that_shrinks_below_what_was_sent_waits_until_it_is_wide_again() -> None:
    script = Script(hold_windows=True)
    async with hop_to(script) as hop:
        call = asyncio.create_task(ask(hop, 50_000))
        await until(lambda: script.connections and sum(map(len, script.connections[0].bodies.values())) >= 65_535)
        peer = script.connections[0]
        peer.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 100})
        peer.h2.increment_flow_control_window(200_000)
        peer.flush()
        peer.h2.increment_flow_control_window(400_000, 1)
        peer.flush()
        await call
    assert len(sent(script.bodies[0]).raw_input_contents[0]) == 200_000


async def test_calls_wait_for_their_turn_where_the_predictor_limits_streams() -> None:
    script = Script(settings={h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 2})
    async with hop_to(script) as hop:
        await ask(hop)  # the settings have come
        await asyncio.gather(*(ask(hop, 20_000) for _ in range(12)))
    assert len(script.bodies) == 13
    assert script.most_streams <= 2
    assert len(script.connections) == 1


async def test_goaway_ends_in_peace_and_new_calls_go_elsewhere() -> None:
    def leave(peer: Peer, stream: int) -> None:
        usual(peer, stream)
        if len(script.connections) == 1:
            peer.h2.close_connection(last_stream_id=stream)

    script = Script(answer=leave)
    async with hop_to(script) as hop:
        for _ in range(3):
            await ask(hop)
    assert len(script.connections) == 2


@pytest.mark.parametrize("how", ["refused stream", "goaway"])
async def test_a_call_that_was_not_looked_at_is_made_again_without_a_word(how: str) -> None:
    def refuse_first(peer: Peer, stream: int) -> None:
        if len(script.bodies) > 1:
            usual(peer, stream)
        elif how == "goaway":
            peer.h2.close_connection(last_stream_id=0)
        else:
            peer.h2.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)

    script = Script(answer=refuse_first)
    async with hop_to(script, predictor_request_retries=0) as hop:
        await ask(hop)
    assert len(script.bodies) == 2


async def test_a_predictor_that_always_refuses_is_unavailable() -> None:
    def refuse(peer: Peer, stream: int) -> None:
        peer.h2.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)

    async with hop_to(Script(answer=refuse)) as hop:
        with pytest.raises(PredictorUnavailable, match="takes no calls"):
            await ask(hop)


def reset(peer: Peer, stream: int) -> None:
    peer.h2.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)


def hang_up(peer: Peer, _stream: int) -> None:
    peer.transport.close()


def no_trailers(peer: Peer, stream: int) -> None:
    peer.h2.send_headers(stream, HEADERS)
    peer.h2.send_data(stream, message_of(), end_stream=True)


def compressed(peer: Peer, stream: int) -> None:
    peer.h2.send_headers(stream, HEADERS)
    peer.h2.send_data(stream, b"\x01" + message_of()[1:])
    peer.h2.send_headers(stream, TRAILERS, end_stream=True)


def two_messages(peer: Peer, stream: int) -> None:
    peer.h2.send_headers(stream, HEADERS)
    peer.h2.send_data(stream, message_of() * 2)
    peer.h2.send_headers(stream, TRAILERS, end_stream=True)


def no_protobuf(peer: Peer, stream: int) -> None:
    peer.h2.send_headers(stream, HEADERS)
    peer.h2.send_data(stream, message_of(b"\xff\xff"))
    peer.h2.send_headers(stream, TRAILERS, end_stream=True)


def web_page(peer: Peer, stream: int) -> None:
    peer.h2.send_headers(stream, [(":status", "404"), ("content-type", "text/html")])
    peer.h2.send_data(stream, b"<html>", end_stream=True)


def bad_gateway(peer: Peer, stream: int) -> None:
    peer.h2.send_headers(stream, [(":status", "502")], end_stream=True)


def odd_status(peer: Peer, stream: int) -> None:
    peer.h2.send_headers(stream, [*HEADERS, ("grpc-status", "3"), ("grpc-message", "bad%20shape")], end_stream=True)


def odd_code(peer: Peer, stream: int) -> None:
    peer.h2.send_headers(stream, [*HEADERS, ("grpc-status", "many")], end_stream=True)


def not_http2(peer: Peer, _stream: int) -> None:
    peer.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def endless_headers(peer: Peer, stream: int) -> None:
    frame = (16_000).to_bytes(3, "big") + bytes([9, 0]) + stream.to_bytes(4, "big") + bytes(16_000)
    peer.transport.write((4).to_bytes(3, "big") + bytes([1, 0]) + stream.to_bytes(4, "big") + bytes(4) + frame * 8)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (reset, PredictorFailed, "reset"),
        (hang_up, PredictorUnavailable, "closed"),
        (no_trailers, PredictorFailed, "without a gRPC status"),
        (compressed, PredictorFailed, "not one plain message"),
        (two_messages, PredictorFailed, "not one plain message"),
        (no_protobuf, PredictorFailed, "no V2 inference response"),
        (web_page, PredictorFailed, "HTTP 404"),
        (bad_gateway, PredictorUnavailable, "HTTP 502"),
        (odd_status, PredictorRejected, "bad shape"),
        (odd_code, PredictorFailed, "UNKNOWN"),
        (not_http2, PredictorUnavailable, "does not answer in HTTP/2"),
        (endless_headers, PredictorUnavailable, "does not answer in HTTP/2"),
    ],
)
async def test_what_is_no_answer_is_the_predictors_failure_and_the_next_call_is_served(
    answer: Answer, kind: type[Exception], words: str
) -> None:
    script = Script(answer=answer)
    async with hop_to(script) as hop:
        with pytest.raises(kind, match=words):
            await ask(hop)
        script.answer = usual
        assert (await ask(hop)).id == "7"


async def test_early_hints_padding_and_long_headers_are_no_news() -> None:
    def roundabout(peer: Peer, stream: int) -> None:
        peer.h2.send_headers(stream, [(":status", "103")])
        peer.h2.send_headers(stream, [*HEADERS, ("x-long", "v" * 40_000)])
        peer.h2.ping(b"12345678")
        for byte in message_of():
            peer.h2.send_data(stream, bytes([byte]), pad_length=3)
        peer.h2.send_headers(stream, [*TRAILERS, ("x-after", "1")], end_stream=True)

    headers: dict[str, str] = {}
    async with hop_to(Script(answer=roundabout)) as hop, asyncio.timeout(20):
        response = await hop.predict(request_of(), "mnist", {}, headers)
    assert response.id == "7"
    assert headers == {"x-long": "v" * 40_000}


async def test_a_call_that_takes_too_long_is_cancelled_there_and_others_go_on() -> None:
    def never(_peer: Peer, _stream: int) -> None:
        return

    script = Script(answer=never)
    async with hop_to(script, predictor_request_timeout_seconds=0.2) as hop:
        with pytest.raises(PredictorTimeout):
            await ask(hop)
        script.answer = usual
        await ask(hop)
        await until(lambda: script.resets)
    assert script.resets == [h2.errors.ErrorCodes.CANCEL]


async def test_a_caller_that_goes_away_takes_its_call_along() -> None:
    script = Script(answer=lambda _peer, _stream: None)
    async with hop_to(script) as hop:
        call = asyncio.create_task(ask(hop))
        await until(lambda: script.bodies)
        call.cancel()
        await until(lambda: script.resets)
    assert script.resets == [h2.errors.ErrorCodes.CANCEL]


async def test_after_a_timeout_in_silence_the_next_call_opens_another_connection() -> None:
    """A predictor that vanished without a word (a node is gone) must not swallow every call from then on."""
    script = Script(answer=lambda _peer, _stream: None)
    async with hop_to(script, predictor_request_timeout_seconds=0.2) as hop:
        await_first = asyncio.create_task(ask(hop))
        with pytest.raises(PredictorTimeout):
            await await_first
        script.connections[0].data_received = lambda _data: None  # type: ignore[method-assign]  # it is gone
        for _ in range(2):
            with pytest.raises(PredictorTimeout):
                await ask(hop)
        script.answer = usual
        assert (await ask(hop)).id == "7"
    assert len(script.connections) >= 2
