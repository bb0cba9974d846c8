"""The hops to a predictor that is written with modelapi itself: every wire, both encodings, errors passed on."""

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from modelapi import InferInput, InferOutput, InferRequest, InferResponse, Model, ModelRepository
from modelapi.config import PredictorConfig, ServerConfig
from modelapi.dataplane import DataPlane
from modelapi.errors import InvalidInput, PredictorRejected, PredictorUnavailable
from modelapi.predictors import connect
from modelapi.server.run import Servers

BODY_LIMIT = 8 * 1024 * 1024
V2_HOPS = [("v2", "json"), ("v2", "binary"), ("v2", "auto"), ("grpc-v2", "auto")]


class Echo(Model):
    """Gives back what it got, and keeps it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.seen: list[Any] = []
        self.headers: list[dict[str, str]] = []

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        self.seen.append(payload)
        self.headers.append(dict(headers))
        if not isinstance(payload, InferRequest):
            return {"predictions": payload["instances"]}
        outputs = [InferOutput(t.name, t.shape, t.datatype, t.as_numpy()) for t in payload.inputs]
        return InferResponse(payload.id, self.name, outputs)


class Strict(Model):
    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        raise InvalidInput("the shape must be [1, 3, 32, 32]")


@pytest.fixture
def echo() -> Echo:
    return Echo("echo")


@pytest.fixture
async def servers(echo: Echo) -> AsyncIterator[Servers]:
    repository = ModelRepository()
    for model in (echo, Strict("strict")):
        model.load()
        repository.update(model)
    repository.update(Model("absent"))
    config = ServerConfig(
        http_port=0, grpc_port=0, max_body_bytes=BODY_LIMIT, grpc_max_receive_message_length=BODY_LIMIT
    )
    running = Servers(config, DataPlane(repository))
    await running.start()
    yield running
    await running.stop(1)


@pytest.fixture
async def hop(servers: Servers, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    protocol, encoding = request.param
    port = servers.grpc_port if protocol == "grpc-v2" else servers.http_port
    predictor = connect(PredictorConfig(f"127.0.0.1:{port}", protocol, encoding=encoding))
    yield predictor
    await predictor.close()


def request_of(array: np.ndarray, datatype: str) -> InferRequest:
    tensor = InferInput("INPUT__0", list(array.shape), datatype)
    tensor.set_data_from_numpy(array)
    return InferRequest("echo", [tensor], request_id="7")


@pytest.mark.parametrize("hop", V2_HOPS, indirect=True)
@pytest.mark.parametrize(
    ("datatype", "array"),
    [
        ("FP32", np.random.default_rng(0).random((1, 3, 224, 224), dtype=np.float32)),
        ("FP64", np.array([[0.1, -1e300]])),
        ("INT64", np.array([-(2**63), 2**63 - 1])),
        ("UINT64", np.array([2**64 - 1], np.uint64)),
        ("UINT8", np.arange(256, dtype=np.uint8)),
        ("BOOL", np.array([[True], [False]])),
        ("BYTES", np.array(["ä".encode(), b""], dtype=object)),
        ("FP32", np.zeros((0, 3), np.float32)),
    ],
    ids=["picture", "FP64", "INT64", "UINT64", "UINT8", "BOOL", "BYTES", "empty"],
)
async def test_a_tensor_comes_back_as_it_went(hop: Any, datatype: str, array: np.ndarray) -> None:
    response = await hop.predict(request_of(array, datatype), "echo", {})
    back = response.outputs[0].as_numpy()
    assert (response.id, response.outputs[0].datatype, list(back.shape)) == ("7", datatype, list(array.shape))
    values = [element.encode() if isinstance(element, str) else element for element in back.ravel().tolist()]
    assert values == array.ravel().tolist()


@pytest.mark.parametrize("hop", [hop for hop in V2_HOPS if hop[1] != "json"], indirect=True)
@pytest.mark.parametrize(
    ("datatype", "array"),
    [("FP16", np.array([1.5, 2], np.float16)), ("BYTES", np.array([b"\xff\xd8\xff\x00"], dtype=object))],
)
async def test_what_json_has_no_form_for_travels_raw(hop: Any, datatype: str, array: np.ndarray) -> None:
    response = await hop.predict(request_of(array, datatype), "echo", {})
    assert response.outputs[0].as_numpy().tolist() == array.tolist()


@pytest.mark.parametrize("hop", [("v2", "auto")], indirect=True)
async def test_auto_finds_out_that_this_predictor_takes_binary(hop: Any, echo: Echo) -> None:
    await hop.predict(request_of(np.zeros(3, np.float32), "FP32"), "echo", {})
    assert echo.seen[0].inputs[0].raw is not None


@pytest.mark.parametrize("hop", [("v1", "auto")], indirect=True)
async def test_v1_carries_a_picture_as_lists(hop: Any) -> None:
    picture = np.random.default_rng(0).random((1, 3, 224, 224), dtype=np.float32)
    answer = await hop.predict(request_of(picture, "FP32"), "echo", {})
    np.testing.assert_array_equal(np.array(answer["predictions"], np.float32), picture)


@pytest.mark.parametrize("hop", [("v1", "auto"), *V2_HOPS], indirect=True)
async def test_the_request_id_and_the_trace_reach_the_predictor(hop: Any, echo: Echo) -> None:
    sent = {"x-request-id": "r1", "traceparent": "00-1-2-01", "x-other": "no"}
    await hop.predict(request_of(np.zeros((1, 2), np.float32), "FP32"), "echo", sent)
    assert (echo.headers[0]["x-request-id"], echo.headers[0]["traceparent"]) == ("r1", "00-1-2-01")
    assert "x-other" not in echo.headers[0]


@pytest.mark.parametrize("hop", [("v1", "auto"), *V2_HOPS], indirect=True)
@pytest.mark.parametrize(
    ("model_name", "status", "words"),
    [("nobody", 404, "nobody does not exist"), ("strict", 400, "the shape must be [1, 3, 32, 32]")],
)
async def test_the_predictors_own_refusal_keeps_status_and_words(
    hop: Any, model_name: str, status: int, words: str
) -> None:
    request = request_of(np.zeros((1, 2), np.float32), "FP32")
    request.model_name = model_name
    with pytest.raises(PredictorRejected) as caught:
        await hop.predict(request, model_name, {})
    assert caught.value.status == status
    assert words in str(caught.value)


@pytest.mark.parametrize("hop", [("v1", "auto"), *V2_HOPS], indirect=True)
async def test_a_model_that_is_not_ready_is_unavailable(hop: Any) -> None:
    request = request_of(np.zeros((1, 2), np.float32), "FP32")
    request.model_name = "absent"
    with pytest.raises(PredictorUnavailable, match="absent is not ready"):
        await hop.predict(request, "absent", {})
    assert await hop.ready("absent") is False
    assert await hop.ready("echo") is True


@pytest.mark.parametrize("hop", [("v1", "auto"), *V2_HOPS], indirect=True)
async def test_a_request_larger_than_the_predictor_takes_is_a_413(servers: Servers, hop: Any) -> None:
    request = request_of(np.zeros(BODY_LIMIT, np.uint8), "UINT8")
    with pytest.raises(PredictorRejected, match="larger than") as caught:
        await hop.predict(request, "echo", {})
    assert caught.value.status == 413
