"""The REST hops when something fails: which error it becomes, what is tried again, and what is reached afterwards."""

import asyncio
from typing import Any

import numpy as np
import orjson
import pytest
from aiohttp import web

from integration.modelapi.rest_witness import (
    INFER,
    PREDICT,
    Witness,
    answer_once,
    closed_port,
    predictor,
    raw_server,
    read_request,
    request_of,
    reset,
)
from modelapi.errors import PredictorFailed, PredictorRejected, PredictorTimeout, PredictorUnavailable


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
