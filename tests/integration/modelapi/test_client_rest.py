"""InferenceRESTClient against modelapi's own server, and against scripted answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import numpy as np
import pytest

from modelapi import (
    InferenceRESTClient,
    InferInput,
    InferOutput,
    InferRequest,
    InferResponse,
    Model,
    ModelRepository,
    RESTConfig,
)
from modelapi.config import ServerConfig
from modelapi.dataplane import DataPlane
from modelapi.errors import UnsupportedProtocol
from modelapi.server.run import Servers

Answer = httpx.Response | Exception
PICTURE = np.random.default_rng(0).random((1, 3, 224, 224), dtype=np.float32)


class Echo(Model):
    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        if not isinstance(payload, InferRequest):
            return {"predictions": payload["instances"]}
        outputs = [InferOutput(t.name, t.shape, t.datatype, t.as_numpy()) for t in payload.inputs]
        return InferResponse(payload.id, self.name, outputs)


@pytest.fixture
async def base_url() -> AsyncIterator[str]:
    repository = ModelRepository()
    echo = Echo("echo")
    echo.load()
    repository.update(echo)
    servers = Servers(ServerConfig(http_port=0, enable_grpc=False), DataPlane(repository))
    await servers.start()
    yield f"http://127.0.0.1:{servers.http_port}"
    await servers.stop(1)


class Script(httpx.AsyncBaseTransport):
    """Answers in order; keeps the requests. The last answer is repeated."""

    def __init__(self, *answers: Answer | Callable[[], Answer]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        answer = answer() if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer


def scripted(*answers: Any, protocol: str = "v1", retries: int = 3) -> tuple[InferenceRESTClient, Script]:
    script = Script(*answers)
    return InferenceRESTClient(RESTConfig(transport=script, protocol=protocol, retries=retries)), script


def ok() -> httpx.Response:
    return httpx.Response(200, json={"predictions": [2]})


def request_of(array: np.ndarray, binary: bool) -> InferRequest:
    tensor = InferInput("INPUT__0", list(array.shape), "FP32")
    tensor.set_data_from_numpy(array, binary_data=binary)
    return InferRequest("echo", [tensor], request_id="7")


async def test_v1_gives_the_decoded_answer_and_the_headers(base_url: str) -> None:
    headers: dict[str, str] = {}
    async with InferenceRESTClient() as client:
        sent = {"x-request-id": "r1"}
        answer = await client.infer(base_url, {"instances": [1, 2]}, "echo", headers=sent, response_headers=headers)
    assert answer == {"predictions": [1, 2]}
    assert headers["x-request-id"] == "r1"
    assert sent == {"x-request-id": "r1"}


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
async def test_v2_gives_an_infer_response_by_either_encoding(base_url: str, binary: bool) -> None:
    array = PICTURE if binary else PICTURE[:, :, :4, :4]
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        response = await client.infer(base_url + "/", request_of(array, binary), "echo")
    assert response.id == "7"
    np.testing.assert_array_equal(response.outputs[0].as_numpy(), array)


async def test_the_questions_about_readiness_are_answered(base_url: str) -> None:
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        assert await client.is_server_live(base_url) is True
        assert await client.is_server_ready(base_url) is True
        assert await client.is_model_ready(base_url, "echo") is True
        with pytest.raises(httpx.HTTPStatusError, match="nobody"):
            await client.is_model_ready(base_url, "nobody")
    async with InferenceRESTClient() as client:
        assert await client.is_server_live(base_url) is True
        assert await client.is_model_ready(base_url, "echo") is True
        with pytest.raises(UnsupportedProtocol):
            await client.is_server_ready(base_url)


async def test_an_error_has_the_servers_words_and_is_httpxs(base_url: str) -> None:
    async with InferenceRESTClient() as client:
        with pytest.raises(httpx.HTTPStatusError) as caught:
            await client.infer(base_url, {"instances": []}, "nobody")
    assert str(caught.value).startswith("Model with name nobody does not exist., '404 Not Found' for url")
    assert caught.value.response.status_code == 404


async def test_a_refused_connection_is_httpxs_connect_error_after_all_retries() -> None:
    script = Script(httpx.ConnectError("refused"))
    client = InferenceRESTClient(RESTConfig(transport=script, retries=2))
    with pytest.raises(httpx.ConnectError, match="refused"):
        await client.infer("http://predictor", {"instances": []}, "m")
    assert len(script.requests) == 3


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("late"),
        httpx.Response(502),
        httpx.Response(503),
        httpx.Response(504),
    ],
)
async def test_retries_retry_with_the_whole_body(failure: Answer) -> None:
    client, script = scripted(failure, failure, ok)
    assert await client.infer("http://predictor", {"instances": [5]}, "m") == {"predictions": [2]}
    assert [request.content for request in script.requests] == [b'{"instances":[5]}'] * 3


@pytest.mark.parametrize("failure", [httpx.Response(500), httpx.Response(429), httpx.ReadError("reset")])
async def test_other_failures_are_raised_at_once(failure: Answer) -> None:
    client, script = scripted(failure, ok)
    with pytest.raises((httpx.HTTPStatusError, httpx.ReadError)):
        await client.infer("http://predictor", {"instances": [5]}, "m")
    assert len(script.requests) == 1


async def test_a_model_that_is_not_ready_is_an_answer_and_no_failure() -> None:
    client, script = scripted(httpx.Response(503, json={"error": "no"}), protocol="v2")
    assert await client.is_model_ready("http://predictor", "m") is False
    assert await client.is_server_ready("http://predictor") is False
    assert len(script.requests) == 2


async def test_no_cookie_is_kept() -> None:
    client, script = scripted(lambda: httpx.Response(200, json={}, headers={"set-cookie": "session=alice; Path=/"}))
    for _ in range(2):
        await client.infer("http://predictor", {"instances": []}, "m")
    assert [request.headers.get("cookie") for request in script.requests] == [None, None]


async def test_binary_bodies_have_one_content_type_whatever_the_caller_says() -> None:
    client, script = scripted(httpx.Response(200, json={"model_name": "m", "outputs": []}), protocol="v2")
    sent = {"Content-Type": "application/json"}
    await client.infer("http://predictor", request_of(PICTURE, True), "m", headers=sent)
    assert script.requests[0].headers.get_list("content-type") == ["application/octet-stream"]
    assert int(script.requests[0].headers["inference-header-content-length"]) < 300


async def test_an_inference_graph_is_asked_at_its_own_address_and_answers_json() -> None:
    client, script = scripted(httpx.Response(200, json={"outputs": []}))
    answer = await client.infer(
        "http://graph/splitter?x=1", request_of(PICTURE[..., :1], False), is_graph_endpoint=True
    )
    assert answer == {"outputs": []}
    assert str(script.requests[0].url) == "http://graph/splitter?x=1"
    assert b'"inputs"' in script.requests[0].content


async def test_explain_is_of_v1_alone() -> None:
    client, script = scripted(httpx.Response(200, json={"explanations": []}))
    assert await client.explain("http://predictor", "a/b", {"instances": []}) == {"explanations": []}
    assert script.requests[0].url.raw_path == b"/v1/models/a%2Fb:explain"
    client, _ = scripted(ok, protocol="v2")
    with pytest.raises(UnsupportedProtocol):
        await client.explain("http://predictor", "m", {"instances": []})


async def test_bad_arguments_are_named() -> None:
    client, _ = scripted(ok)
    with pytest.raises(ValueError, match="model_name"):
        await client.infer("http://predictor", {"instances": []})
    with pytest.raises(httpx.InvalidURL, match="http://"):
        await client.infer("predictor:80", {"instances": []}, "m")
    client, _ = scripted(ok, protocol="v3")
    with pytest.raises(UnsupportedProtocol):
        await client.infer("http://predictor", {"instances": []}, "m")


async def test_a_number_as_timeout_bounds_the_whole_call() -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

    async with InferenceRESTClient(RESTConfig(transport=Silent())) as client:
        with pytest.raises(httpx.ReadTimeout, match=r"within 0\.1 s"):
            await client.infer("http://predictor", {"instances": []}, "m", timeout=0.1)
