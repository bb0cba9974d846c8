"""The REST hops against servers that know nothing of modelapi: what goes over the wire, and what comes of failures."""

import asyncio
import gzip
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import orjson
import pytest
from aiohttp import web

from modelapi.config import PredictorConfig
from modelapi.errors import (
    InvalidInput,
    PredictorFailed,
    PredictorRejected,
    PredictorTimeout,
    PredictorUnavailable,
    Unsupported,
)
from modelapi.predictors import connect
from modelapi.types import InferInput, InferRequest

PREDICT = "/v1/models/mnist:predict"
INFER = "/v2/models/mnist/infer"
ANSWER_V2 = {
    "model_name": "mnist",
    "model_version": "1",
    "id": "7",
    "outputs": [{"name": "OUTPUT__0", "shape": [1, 2], "datatype": "FP32", "data": [0.5, 1.5]}],
}
Handler = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


class Witness:
    """A predictor of aiohttp.web that keeps every request and answers by its handlers."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.handlers: dict[str, Handler] = {}
        self.host = ""

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        body = await request.content.read()  # of any size, as `request.read()` is not
        self.bodies.append(body)
        handler = self.handlers.get(request.raw_path)
        return await handler(request, body) if handler else web.json_response({"error": "no such route"}, status=404)

    def answers(self, path: str, value: Any, status: int = 200, **headers: str) -> None:
        async def handler(_request: web.Request, _body: bytes) -> web.Response:
            return web.json_response(value, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

        self.handlers[path] = handler


@pytest.fixture
async def witness() -> AsyncIterator[Witness]:
    witness = Witness()
    runner = web.ServerRunner(web.Server(witness), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    witness.host = f"{host}:{port}"
    yield witness
    await runner.cleanup()


@asynccontextmanager
async def predictor(host: str, protocol: str = "v1", **settings: Any) -> AsyncIterator[Any]:
    hop = connect(PredictorConfig(host, protocol, **settings))
    try:
        yield hop
    finally:
        await hop.close()


@asynccontextmanager
async def raw_server(*connections: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> Any:
    """A TCP server that handles its first connection with the first handler, and so on; the last one is repeated."""
    script = list(connections)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = script.pop(0) if len(script) > 1 else script[0]
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)


async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 19\r\n\r\n{"predictions":[2]}')
    await writer.drain()


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, as a process that is killed does."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def closed_port() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{sock.getsockname()[1]}"


def request_of(array: np.ndarray, name: str = "INPUT__0") -> InferRequest:
    tensor = InferInput(name, list(array.shape), "FP32")
    tensor.set_data_from_numpy(array)
    return InferRequest("mnist", [tensor], request_id="7")


async def test_v1_posts_the_dict_and_returns_the_decoded_answer(witness: Witness) -> None:
    witness.answers(PREDICT, {"predictions": [2]})
    async with predictor(witness.host) as hop:
        assert await hop.predict({"instances": [[1.0, 2.0]]}, "mnist", {}) == {"predictions": [2]}
    assert orjson.loads(witness.bodies[0]) == {"instances": [[1.0, 2.0]]}
    assert witness.requests[0].headers.getall("content-type") == ["application/json"]


async def test_v1_sends_an_infer_request_of_one_input_as_instances(witness: Witness) -> None:
    witness.answers(PREDICT, {"predictions": [2]})
    async with predictor(witness.host) as hop:
        await hop.predict(request_of(np.array([[1, 2], [3, 4]], np.float32)), "mnist", {})
    assert orjson.loads(witness.bodies[0]) == {"instances": [[1.0, 2.0], [3.0, 4.0]]}


async def test_a_model_name_is_quoted_in_the_path(witness: Witness) -> None:
    witness.answers("/v1/models/a%2Fb%20c:predict", {"predictions": []})
    async with predictor(witness.host) as hop:
        assert await hop.predict({"instances": []}, "a/b c", {}) == {"predictions": []}


async def test_a_host_with_a_path_keeps_it(witness: Witness) -> None:
    witness.answers("/serving/default" + PREDICT, {"predictions": [1]})
    async with predictor(f"{witness.host}/serving/default/") as hop:
        assert await hop.predict({"instances": []}, "mnist", {}) == {"predictions": [1]}


async def test_only_the_headers_of_tracing_and_authorization_travel_on(witness: Witness) -> None:
    witness.answers(PREDICT, {"predictions": [2]})
    sent = {
        "x-request-id": "r1",
        "x-b3-traceid": "b3",
        "authorization": "Bearer t",
        "traceparent": "00-1-2-01",
        "tracestate": "a=b",
        "cookie": "session=1",
        "x-other": "no",
        "content-length": "999",
    }
    async with predictor(witness.host) as hop:
        await hop.predict({"instances": []}, "mnist", sent)
    got = witness.requests[0].headers
    assert {name: got[name] for name in list(sent)[:5]} == {name: sent[name] for name in list(sent)[:5]}
    assert "cookie" not in got
    assert "x-other" not in got


async def test_a_cookie_of_one_answer_is_not_sent_with_the_next_request(witness: Witness) -> None:
    witness.answers(PREDICT, {"predictions": [2]}, set_cookie="session=alice; Path=/")
    async with predictor(witness.host) as hop:
        await hop.predict({"instances": []}, "mnist", {})
        await hop.predict({"instances": []}, "mnist", {})
    assert [request.headers.get("cookie") for request in witness.requests] == [None, None]


async def test_no_proxy_is_taken_from_the_environment(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{closed_port()}")
    monkeypatch.setenv("http_proxy", f"http://{closed_port()}")
    witness.answers(PREDICT, {"predictions": [2]})
    async with predictor(witness.host) as hop:
        assert await hop.predict({"instances": []}, "mnist", {}) == {"predictions": [2]}


async def test_response_headers_come_back_without_those_of_the_old_body(witness: Witness) -> None:
    witness.answers(PREDICT, {"predictions": [2]}, X_Model_Version="3")
    headers: dict[str, str] = {}
    async with predictor(witness.host) as hop:
        await hop.predict({"instances": []}, "mnist", {}, headers)
    assert headers == {"x-model-version": "3"}


async def test_a_gzipped_answer_is_unpacked_and_its_encoding_not_handed_on(witness: Witness) -> None:
    async def zipped(_request: web.Request, _body: bytes) -> web.Response:
        body = gzip.compress(b'{"predictions":[2]}')
        return web.Response(body=body, headers={"content-encoding": "gzip", "content-type": "application/json"})

    witness.handlers[PREDICT] = zipped
    headers: dict[str, str] = {}
    async with predictor(witness.host) as hop:
        assert await hop.predict({"instances": []}, "mnist", {}, headers) == {"predictions": [2]}
    assert headers == {}


async def test_v2_json_carries_flat_data_and_reads_the_answer(witness: Witness) -> None:
    witness.answers(INFER, ANSWER_V2)
    async with predictor(witness.host, "v2", encoding="json") as hop:
        response = await hop.predict(request_of(np.array([[1, 2]], np.float32)), "mnist", {})
    assert orjson.loads(witness.bodies[0]) == {
        "id": "7",
        "inputs": [{"name": "INPUT__0", "shape": [1, 2], "datatype": "FP32", "data": [1.0, 2.0]}],
    }
    assert (response.id, response.model_version) == ("7", "1")
    np.testing.assert_array_equal(response.outputs[0].as_numpy(), np.array([[0.5, 1.5]], np.float32))


async def test_v2_binary_sends_one_content_type_and_the_bytes_of_a_large_tensor(witness: Witness) -> None:
    picture = np.random.default_rng(0).random((3, 3, 224, 224), dtype=np.float32)

    async def echo(request: web.Request, body: bytes) -> web.Response:
        head = b'{"model_name":"mnist","outputs":[{"name":"OUTPUT__0","shape":[3,3,224,224],"datatype":"FP32",'
        head += b'"parameters":{"binary_data_size":%d}}]}' % picture.nbytes
        raw = body[int(request.headers["Inference-Header-Content-Length"]) :]
        return web.Response(body=head + raw, headers={"Inference-Header-Content-Length": str(len(head))})

    witness.handlers[INFER] = echo
    async with predictor(witness.host, "v2", encoding="binary") as hop:
        response = await hop.predict(request_of(picture), "mnist", {})
    assert witness.requests[0].headers.getall("content-type") == ["application/octet-stream"]
    length = int(witness.requests[0].headers["inference-header-content-length"])
    head = orjson.loads(witness.bodies[0][:length])
    assert head["parameters"] == {"binary_data_output": True}
    assert head["inputs"][0]["parameters"] == {"binary_data_size": picture.nbytes}
    np.testing.assert_array_equal(response.outputs[0].as_numpy(), picture)


@pytest.mark.parametrize(
    ("metadata", "content_type"),
    [
        ({"name": "triton", "extensions": ["classification", "binary_tensor_data"]}, "application/octet-stream"),
        ({"name": "kserve", "extensions": ["model_repository_extension"]}, "application/json"),
        ({"name": "bare"}, "application/json"),
        (None, "application/json"),
    ],
    ids=["announced", "not announced", "no extensions", "no such route"],
)
async def test_auto_is_binary_exactly_when_announced_and_asks_once(
    witness: Witness, metadata: Any, content_type: str
) -> None:
    if metadata is not None:
        witness.answers("/v2", metadata)
    witness.answers(INFER, ANSWER_V2)
    async with predictor(witness.host, "v2") as hop:
        for _ in range(3):
            await hop.predict(request_of(np.zeros((1, 2), np.float32)), "mnist", {})
    assert [request.path for request in witness.requests] == ["/v2", INFER, INFER, INFER]
    assert witness.requests[1].headers["content-type"] == content_type


async def test_requests_that_come_first_and_together_ask_once(witness: Witness) -> None:
    witness.answers("/v2", {"extensions": ["binary_tensor_data"]})
    witness.answers(INFER, ANSWER_V2)
    request = request_of(np.zeros((1, 2), np.float32))
    async with predictor(witness.host, "v2") as hop:
        await asyncio.gather(*(hop.predict(request, "mnist", {}) for _ in range(8)))
    assert [request.path for request in witness.requests].count("/v2") == 1


async def test_a_predictor_that_was_gone_is_asked_again(witness: Witness) -> None:
    witness.answers("/v2", {"extensions": ["binary_tensor_data"]})
    witness.answers(INFER, {"error": "going"}, 503)
    request = request_of(np.zeros((1, 2), np.float32))
    async with predictor(witness.host, "v2") as hop:
        with pytest.raises(PredictorUnavailable):
            await hop.predict(request, "mnist", {})
        witness.answers("/v2", {"extensions": []})
        witness.answers(INFER, ANSWER_V2)
        await hop.predict(request, "mnist", {})
    assert witness.requests[-1].headers["content-type"] == "application/json"


async def test_v2_takes_a_v2_dict(witness: Witness) -> None:
    witness.answers(INFER, ANSWER_V2)
    inputs = [{"name": "INPUT__0", "shape": [1, 2], "datatype": "FP32", "data": [[1, 2]]}]
    async with predictor(witness.host, "v2", encoding="json") as hop:
        response = await hop.predict({"inputs": inputs}, "mnist", {})
    assert response.outputs[0].as_numpy().tolist() == [[0.5, 1.5]]


async def test_v2_refuses_a_v1_dict_and_says_what_to_return() -> None:
    async with predictor(closed_port(), "v2") as hop:
        with pytest.raises(InvalidInput, match="return an InferRequest"):
            await hop.predict({"instances": [1]}, "mnist", {})


async def test_v2_has_no_explain() -> None:
    async with predictor(closed_port(), "v2") as hop:
        with pytest.raises(Unsupported, match="v1"):
            await hop.explain({"instances": [1]}, "mnist", {})


async def test_v1_explains(witness: Witness) -> None:
    witness.answers("/v1/models/mnist:explain", {"explanations": [0.1]})
    async with predictor(witness.host) as hop:
        assert await hop.explain({"instances": [1]}, "mnist", {}) == {"explanations": [0.1]}


@pytest.mark.parametrize("protocol", ["v1", "v2"])
async def test_a_refused_connection_is_unavailable_and_names_the_address(protocol: str) -> None:
    host = closed_port()
    async with predictor(host, protocol) as hop:
        with pytest.raises(PredictorUnavailable, match=f"{host} cannot be reached: Connection refused"):
            await hop.predict(request_of(np.zeros((1, 2), np.float32)), "mnist", {})


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (429, {"error": "slow down"}, PredictorRejected, "slow down"),
        (404, {"error": "Model with name x does not exist."}, PredictorRejected, "Model with name x does not exist."),
        (422, {"detail": [{"msg": "Field required", "loc": ["body"]}]}, PredictorRejected, "Field required"),
        (400, {"code": 400, "type": "BadRequest", "message": "bad shape"}, PredictorRejected, "bad shape"),
        (400, None, PredictorRejected, "answered 400 Bad Request"),
        (503, {"error": "loading"}, PredictorUnavailable, "is not available: loading"),
        (504, {"error": None}, PredictorTimeout, "got no answer in time"),
        (502, {}, PredictorFailed, "502 Bad Gateway"),
        (500, {"error": "CUDA out of memory"}, PredictorFailed, "CUDA out of memory"),
        (
            500,
            {"error": "Traceback (most recent call last):\n F\nValueError: no"},
            PredictorFailed,
            "ValueError: no",
        ),
    ],
)
async def test_an_error_answer_becomes_the_error_it_stands_for(
    witness: Witness, status: int, body: Any, kind: type[Exception], message: str
) -> None:
    witness.answers(PREDICT, body, status)
    async with predictor(witness.host) as hop:
        with pytest.raises(kind) as caught:
            await hop.predict({"instances": []}, "mnist", {})
    assert message in str(caught.value)
    assert "None" not in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert getattr(caught.value, "status", status) == status
    assert len(witness.requests) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"outputs": 3}', b"\xff"])
async def test_an_answer_that_is_no_v2_response_is_a_failure_of_the_predictor(witness: Witness, body: bytes) -> None:
    async def garbage(_request: web.Request, _body: bytes) -> web.Response:
        return web.Response(body=body)

    witness.handlers[INFER] = garbage
    async with predictor(witness.host, "v2", encoding="binary") as hop:
        with pytest.raises(PredictorFailed, match="no V2 inference response"):
            await hop.predict(request_of(np.zeros(1, np.float32)), "mnist", {})


async def test_an_answer_that_is_no_json_is_a_failure_of_the_predictor(witness: Witness) -> None:
    async def garbage(_request: web.Request, _body: bytes) -> web.Response:
        return web.Response(text="oops")

    witness.handlers[PREDICT] = garbage
    async with predictor(witness.host) as hop:
        with pytest.raises(PredictorFailed, match="no JSON"):
            await hop.predict({"instances": []}, "mnist", {})


async def test_a_redirect_is_not_followed(witness: Witness) -> None:
    witness.answers(PREDICT, {}, 307, Location="http://127.0.0.1:1/")
    async with predictor(witness.host) as hop:
        with pytest.raises(PredictorFailed, match="307"):
            await hop.predict({"instances": []}, "mnist", {})


async def test_an_answer_that_is_no_http_is_a_failure_of_the_predictor() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"220 mail.example.com ESMTP\r\n\r\n")
        await writer.drain()

    async with raw_server(babble) as host, predictor(host) as hop:
        with pytest.raises(PredictorFailed, match="did not answer in HTTP"):
            await hop.predict({"instances": []}, "mnist", {})


async def test_a_predictor_that_does_not_answer_in_time_is_a_timeout() -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other side gives up

    async with raw_server(silent) as host, predictor(host, predictor_request_timeout_seconds=0.2) as hop:
        with pytest.raises(PredictorTimeout, match=r"within 0\.2 s"):
            await hop.predict({"instances": []}, "mnist", {})


async def test_a_connection_reset_in_the_middle_of_an_answer_is_unavailable_and_not_tried_again() -> None:
    seen: list[bytes] = []

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
        await writer.drain()
        reset(writer)

    async with raw_server(half) as host, predictor(host, predictor_request_retries=3) as hop:
        with pytest.raises(PredictorUnavailable, match="broke the connection off"):
            await hop.predict({"instances": []}, "mnist", {})
    assert len(seen) == 1


async def test_a_new_connection_that_is_closed_without_an_answer_is_unavailable() -> None:
    async def close(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_request(reader)

    async with raw_server(close) as host, predictor(host) as hop:
        with pytest.raises(PredictorUnavailable, match="broke the connection off"):
            await hop.predict({"instances": []}, "mnist", {})


@pytest.mark.parametrize("how", [reset, asyncio.StreamWriter.close])
async def test_a_kept_connection_that_the_server_closed_is_replaced_without_an_error(how: Any) -> None:
    async def close_at_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer_once(reader, writer)
        await read_request(reader)
        how(writer)

    async with raw_server(close_at_second, answer_once) as host, predictor(host) as hop:
        assert await hop.predict({"instances": []}, "mnist", {}) == {"predictions": [2]}
        assert await hop.predict({"instances": []}, "mnist", {}) == {"predictions": [2]}


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_retries_retry_what_is_safe_to_send_again(witness: Witness, status: int) -> None:
    async def third_time_lucky(_request: web.Request, _body: bytes) -> web.Response:
        ok = len(witness.requests) > 2
        return web.json_response({"predictions": [2]} if ok else {"error": "not yet"}, status=200 if ok else status)

    witness.handlers[PREDICT] = third_time_lucky
    async with predictor(witness.host, predictor_request_retries=2) as hop:
        assert await hop.predict({"instances": [5]}, "mnist", {}) == {"predictions": [2]}
    assert witness.bodies == [b'{"instances":[5]}'] * 3


async def test_retries_end_and_the_last_error_is_raised(witness: Witness) -> None:
    witness.answers(PREDICT, {"error": "not yet"}, 503)
    async with predictor(witness.host, predictor_request_retries=2) as hop:
        with pytest.raises(PredictorUnavailable, match="not yet"):
            await hop.predict({"instances": []}, "mnist", {})
    assert len(witness.requests) == 3


@pytest.mark.parametrize("status", [400, 404, 429, 500])
async def test_other_failures_are_not_retried(witness: Witness, status: int) -> None:
    witness.answers(PREDICT, {"error": "no"}, status)
    async with predictor(witness.host, predictor_request_retries=5) as hop:
        with pytest.raises((PredictorRejected, PredictorFailed)):
            await hop.predict({"instances": []}, "mnist", {})
    assert len(witness.requests) == 1


async def test_a_predictor_that_comes_up_during_the_retries_is_reached() -> None:
    host = closed_port()
    async with predictor(host, predictor_request_retries=20, predictor_request_timeout_seconds=20) as hop:
        waiting = asyncio.create_task(hop.predict({"instances": []}, "mnist", {}))
        await asyncio.sleep(0)  # the first attempt is under way
        server = await asyncio.start_server(_answer_and_close, "127.0.0.1", int(host.rsplit(":", 1)[1]))
        async with server:
            assert await waiting == {"predictions": [2]}


async def _answer_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await answer_once(reader, writer)
    writer.close()


@pytest.mark.parametrize(
    ("protocol", "path", "answer", "status", "ready"),
    [
        ("v1", "/v1/models/mnist", {"name": "mnist", "ready": True}, 200, True),
        ("v1", "/v1/models/mnist", {"name": "mnist", "ready": "True"}, 200, True),
        ("v1", "/v1/models/mnist", {"name": "mnist", "ready": False}, 200, False),
        ("v1", "/v1/models/mnist", {"error": "not ready"}, 503, False),
        ("v2", "/v2/models/mnist/ready", {"name": "mnist", "ready": True}, 200, True),
        ("v2", "/v2/models/mnist/ready", {"name": "mnist", "ready": False}, 503, False),
        ("v2", "/v2/models/other/ready", {}, 200, False),
    ],
)
async def test_readiness_is_what_the_predictor_says(
    witness: Witness, protocol: str, path: str, answer: Any, status: int, ready: bool
) -> None:
    witness.answers(path, answer, status)
    async with predictor(witness.host, protocol) as hop:
        assert await hop.ready("mnist") is ready


@pytest.mark.parametrize("protocol", ["v1", "v2", "grpc-v2"])
async def test_a_predictor_that_is_not_there_is_not_ready(protocol: str) -> None:
    async with predictor(closed_port(), protocol, predictor_request_timeout_seconds=2) as hop:
        assert await hop.ready("mnist") is False


async def test_a_predictor_may_be_used_again_after_close_and_from_another_loop(witness: Witness) -> None:
    witness.answers(PREDICT, {"predictions": [2]})
    async with predictor(witness.host) as hop:
        await hop.predict({"instances": []}, "mnist", {})
        await hop.close()
        assert await hop.predict({"instances": []}, "mnist", {}) == {"predictions": [2]}


async def test_concurrent_calls_share_the_pool_and_keep_their_answers_apart(witness: Witness) -> None:
    async def echo(request: web.Request, body: bytes) -> web.Response:
        return web.json_response({"predictions": orjson.loads(body)["instances"]})

    witness.handlers[PREDICT] = echo
    async with predictor(witness.host) as hop:
        answers = await asyncio.gather(*(hop.predict({"instances": [n]}, "mnist", {}) for n in range(50)))
    assert [answer["predictions"] for answer in answers] == [[n] for n in range(50)]
