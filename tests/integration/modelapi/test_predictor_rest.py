"""The REST hops against a server that knows nothing of modelapi: what goes over the wire."""

import asyncio
import gzip
from typing import Any

import numpy as np
import orjson
import pytest
from aiohttp import web

from integration.modelapi.rest_witness import ANSWER_V2, INFER, PREDICT, Witness, closed_port, predictor, request_of
from modelapi.errors import InvalidInput, PredictorUnavailable, Unsupported


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
