"""The gRPC hop against a bare grpc.aio server: what goes over the wire, and what comes of failures."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as pb

from modelapi.config import PredictorConfig
from modelapi.errors import InvalidInput, PredictorFailed, PredictorRejected, PredictorTimeout, PredictorUnavailable
from modelapi.predictors import connect
from modelapi.types import InferInput, InferRequest

Handler = Callable[[Any, Any], Awaitable[Any]]


class Witness:
    """A predictor on bare grpc.aio that keeps every request and answers by its handler."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.metadata: list[dict[str, str]] = []
        self.handler: Handler = echo
        self.ready = True
        self.host = ""

    async def infer(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        return await self.handler(request, context)

    async def model_ready(self, request: Any, context: Any) -> Any:
        if request.name != "mnist":
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown model")
        return pb.ModelReadyResponse(ready=self.ready)


async def echo(request: Any, _context: Any) -> Any:
    response = pb.ModelInferResponse(model_name=request.model_name, model_version="1", id=request.id)
    for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=True):
        response.outputs.add(name="OUTPUT__0", datatype=tensor.datatype, shape=tensor.shape)
        response.raw_output_contents.append(raw)
    return response


def service(witness: Witness) -> grpc.GenericRpcHandler:
    methods = {
        "ModelInfer": (witness.infer, pb.ModelInferRequest, pb.ModelInferResponse),
        "ModelReady": (witness.model_ready, pb.ModelReadyRequest, pb.ModelReadyResponse),
    }
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(call, asked.FromString, answer.SerializeToString)
        for name, (call, asked, answer) in methods.items()
    }
    return grpc.method_handlers_generic_handler("inference.GRPCInferenceService", handlers)


@asynccontextmanager
async def serving(witness: Witness, address: str = "127.0.0.1:0") -> AsyncIterator[int]:
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((service(witness),))
    port = server.add_insecure_port(address)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


@pytest.fixture
async def witness() -> AsyncIterator[Witness]:
    witness = Witness()
    async with serving(witness) as port:
        witness.host = f"127.0.0.1:{port}"
        yield witness


@asynccontextmanager
async def predictor(host: str, **settings: Any) -> AsyncIterator[Any]:
    hop = connect(PredictorConfig(host, "grpc-v2", **settings))
    try:
        yield hop
    finally:
        await hop.close()


def request_of(array: np.ndarray, model_name: str = "mnist") -> InferRequest:
    tensor = InferInput("INPUT__0", list(array.shape), "FP32")
    tensor.set_data_from_numpy(array)
    return InferRequest(model_name, [tensor], request_id="7")


SMALL = np.array([[1, 2]], np.float32)


async def test_a_large_tensor_travels_raw_both_ways(witness: Witness) -> None:
    picture = np.random.default_rng(0).random((8, 3, 224, 224), dtype=np.float32)  # more than gRPC's default of 4 MiB
    async with predictor(witness.host) as hop:
        response = await hop.predict(request_of(picture), "mnist", {})
    sent = witness.requests[0]
    assert sent.raw_input_contents[0] == picture.tobytes()
    assert not sent.inputs[0].HasField("contents")
    assert (response.id, response.model_version, response.outputs[0].name) == ("7", "1", "OUTPUT__0")
    np.testing.assert_array_equal(response.outputs[0].as_numpy(), picture)


async def test_typed_contents_of_an_answer_are_read(witness: Witness) -> None:
    async def typed(request: Any, _context: Any) -> Any:
        response = pb.ModelInferResponse(model_name=request.model_name)
        output = response.outputs.add(name="OUTPUT__0", datatype="INT64", shape=[1, 2])
        output.contents.int64_contents.extend([3, 4])
        return response

    witness.handler = typed
    async with predictor(witness.host) as hop:
        response = await hop.predict(request_of(SMALL), "mnist", {})
    assert response.outputs[0].as_numpy().tolist() == [[3, 4]]


@pytest.mark.parametrize(("named", "sent"), [("cifar10", "cifar10"), ("", "mnist")])
async def test_the_model_is_the_one_that_the_request_names(witness: Witness, named: str, sent: str) -> None:
    async with predictor(witness.host) as hop:
        await hop.predict(request_of(SMALL, named), "mnist", {})
    assert witness.requests[0].model_name == sent


async def test_only_the_headers_of_tracing_and_authorization_travel_on(witness: Witness) -> None:
    sent = {"x-request-id": "r1", "authorization": "Bearer t", "traceparent": "00-1-2-01", "cookie": "a=b", "te": "x"}
    async with predictor(witness.host) as hop:
        await hop.predict(request_of(SMALL), "mnist", sent)
    got = witness.metadata[0]
    assert (got["x-request-id"], got["authorization"], got["traceparent"]) == ("r1", "Bearer t", "00-1-2-01")
    assert "cookie" not in got


async def test_metadata_of_the_answer_comes_back_as_response_headers(witness: Witness) -> None:
    async def with_metadata(request: Any, context: Any) -> Any:
        await context.send_initial_metadata((("x-model-version", "3"), ("x-bytes-bin", b"\x00")))
        return await echo(request, context)

    witness.handler = with_metadata
    headers: dict[str, str] = {}
    async with predictor(witness.host) as hop:
        await hop.predict(request_of(SMALL), "mnist", {}, headers)
    assert headers["x-model-version"] == "3"
    assert "x-bytes-bin" not in headers


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, PredictorRejected, 400),
        (grpc.StatusCode.NOT_FOUND, PredictorRejected, 404),
        (grpc.StatusCode.PERMISSION_DENIED, PredictorRejected, 403),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, PredictorRejected, 429),
        (grpc.StatusCode.UNAVAILABLE, PredictorUnavailable, None),
        (grpc.StatusCode.DEADLINE_EXCEEDED, PredictorTimeout, None),
        (grpc.StatusCode.INTERNAL, PredictorFailed, None),
        (grpc.StatusCode.UNIMPLEMENTED, PredictorFailed, None),
    ],
)
@pytest.mark.parametrize("details", ["bad shape", ""])
async def test_a_status_becomes_the_error_it_stands_for(
    witness: Witness, code: grpc.StatusCode, kind: type[Exception], status: int | None, details: str
) -> None:
    async def refuse(_request: Any, context: Any) -> Any:
        await context.abort(code, details)

    witness.handler = refuse
    async with predictor(witness.host) as hop:
        with pytest.raises(kind) as caught:
            await hop.predict(request_of(SMALL), "mnist", {})
    assert details in str(caught.value) or kind is PredictorTimeout
    assert str(caught.value)
    assert "None" not in str(caught.value)
    assert getattr(caught.value, "status", None) == status


async def test_a_refused_connection_is_unavailable() -> None:
    async with predictor("127.0.0.1:1") as hop:
        with pytest.raises(PredictorUnavailable, match=r"127\.0\.0\.1:1 is not available.*Connection refused"):
            await hop.predict(request_of(SMALL), "mnist", {})


async def test_a_predictor_that_does_not_answer_in_time_is_a_timeout(witness: Witness) -> None:
    async def silent(_request: Any, _context: Any) -> Any:
        await asyncio.Event().wait()

    witness.handler = silent
    async with predictor(witness.host, predictor_request_timeout_seconds=0.2) as hop:
        with pytest.raises(PredictorTimeout, match=r"within 0\.2 s"):
            await hop.predict(request_of(SMALL), "mnist", {})


@pytest.mark.parametrize("retries", [1, 2])
async def test_retries_are_retries_and_one_is_allowed(witness: Witness, retries: int) -> None:
    async def last_time_lucky(request: Any, context: Any) -> Any:
        if len(witness.requests) <= retries:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        return await echo(request, context)

    witness.handler = last_time_lucky
    async with predictor(witness.host, predictor_request_retries=retries) as hop:
        response = await hop.predict(request_of(SMALL), "mnist", {})
    assert response.outputs[0].as_numpy().tolist() == SMALL.tolist()
    assert len(witness.requests) == retries + 1


async def test_other_failures_are_not_retried(witness: Witness) -> None:
    async def fail(_request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.INTERNAL, "no")

    witness.handler = fail
    async with predictor(witness.host, predictor_request_retries=5) as hop:
        with pytest.raises(PredictorFailed, match="INTERNAL: no"):
            await hop.predict(request_of(SMALL), "mnist", {})
    assert len(witness.requests) == 1


async def test_a_predictor_that_was_down_is_reached_once_it_is_back() -> None:
    witness = Witness()
    async with serving(witness) as port:
        hop = connect(PredictorConfig(f"127.0.0.1:{port}", "grpc-v2", predictor_request_retries=20))
        await hop.predict(request_of(SMALL), "mnist", {})
    assert not await hop.ready("mnist")
    async with serving(witness, f"127.0.0.1:{port}"):
        await hop.predict(request_of(SMALL), "mnist", {})
        assert await hop.ready("mnist")
        await hop.close()


async def test_a_v2_dict_is_sent_and_a_v1_dict_refused(witness: Witness) -> None:
    inputs = [{"name": "INPUT__0", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]
    async with predictor(witness.host) as hop:
        response = await hop.predict({"inputs": inputs}, "mnist", {})
        with pytest.raises(InvalidInput, match="return an InferRequest"):
            await hop.predict({"instances": []}, "mnist", {})
    assert response.outputs[0].as_numpy().tolist() == SMALL.tolist()


async def test_bytes_tensors_carry_any_bytes(witness: Witness) -> None:
    data = np.array([b"\xff\xd8\xff\x00", b""], dtype=object)
    tensor = InferInput("IMAGE", [2], "BYTES")
    tensor.set_data_from_numpy(data)
    async with predictor(witness.host) as hop:
        response = await hop.predict(InferRequest("mnist", [tensor]), "mnist", {})
    assert response.outputs[0].as_numpy().tolist() == data.tolist()


async def test_an_answer_that_contradicts_itself_is_a_failure_of_the_predictor(witness: Witness) -> None:
    async def odd(request: Any, context: Any) -> Any:
        response = await echo(request, context)
        response.raw_output_contents.append(b"one too many")
        return response

    witness.handler = odd
    async with predictor(witness.host) as hop:
        with pytest.raises(PredictorFailed, match="no V2 inference response"):
            await hop.predict(request_of(SMALL), "mnist", {})


@pytest.mark.parametrize(("name", "ready"), [("mnist", True), ("mnist", False), ("other", False)])
async def test_readiness_is_what_the_predictor_says(witness: Witness, name: str, ready: bool) -> None:
    witness.ready = ready
    async with predictor(witness.host) as hop:
        assert await hop.ready(name) is ready
