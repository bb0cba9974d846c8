"""A real server on free ports, called by tritonclient, which nobody here wrote."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from modelapi import InferOutput, InferRequest, InferResponse, Model, ModelRepository
from modelapi.config import PredictorConfig, ServerConfig
from modelapi.context import seconds_left
from modelapi.dataplane import DataPlane
from modelapi.errors import AddressTaken, PredictorTimeout
from modelapi.server.run import Servers

MATRIX = np.arange(6, dtype=np.float32).reshape(2, 3)
PICTURE = bytes(range(256))


class Echo(Model):
    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        assert isinstance(payload, InferRequest)
        outputs = [InferOutput(t.name, t.shape, t.datatype, t.as_numpy()) for t in payload.inputs]
        return InferResponse(None, self.name, outputs)


class Widening(Model):
    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        wide = payload.inputs[0].as_numpy().astype(np.float32)
        return InferResponse(None, self.name, [InferOutput("wide", wide.shape, "FP32", wide)])


class Raising(Model):
    def __init__(self, name: str, error: Exception) -> None:
        super().__init__(name)
        self.error = error

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        raise self.error


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    repository = ModelRepository()
    for model in (
        Echo("echo"),
        Echo("other"),
        Widening("widening"),
        Raising("late", PredictorTimeout("late")),
        Raising("bug", KeyError("x")),
        Model("hopless"),
    ):
        model.load()
        repository.update(model)
    repository.update(Model("absent"))
    running = Servers(ServerConfig(http_port=0, grpc_port=0), DataPlane(repository))
    await running.start()
    yield running
    await running.stop(5)


async def with_http(servers: Servers, act: Callable[[Any], Any]) -> Any:
    def run() -> Any:
        client = triton_http.InferenceServerClient(f"127.0.0.1:{servers.http_port}")
        try:
            return act(client)
        finally:
            client.close()

    return await asyncio.to_thread(run)


async def with_grpc(servers: Servers, act: Callable[[Any], Any]) -> Any:
    def run() -> Any:
        with triton_grpc.InferenceServerClient(f"127.0.0.1:{servers.grpc_port}") as client:
            return act(client)

    return await asyncio.to_thread(run)


def tensors(module: Any, **options: bool) -> list[Any]:
    matrix, text = module.InferInput("x", [2, 3], "FP32"), module.InferInput("s", [1], "BYTES")
    matrix.set_data_from_numpy(MATRIX, **options)
    binary = options.get("binary_data", True)
    text.set_data_from_numpy(np.array([PICTURE if binary else "text"], dtype=object), **options)
    return [matrix, text]


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
async def test_tritonclient_http_reads_what_it_sent(servers: Servers, binary_in: bool, binary_out: bool) -> None:
    inputs = tensors(triton_http, binary_data=binary_in)[:1]
    wanted = [triton_http.InferRequestedOutput("x", binary_data=binary_out)]
    result = await with_http(servers, lambda client: client.infer("echo", inputs, outputs=wanted, request_id="7"))
    np.testing.assert_array_equal(result.as_numpy("x"), MATRIX)
    assert result.get_response()["id"] == "7"


async def test_tritonclient_http_sends_any_bytes(servers: Servers) -> None:
    result = await with_http(servers, lambda client: client.infer("echo", tensors(triton_http)))
    assert result.as_numpy("s").tolist() == [PICTURE]


async def test_a_binary_half_needs_no_binary_output(servers: Servers) -> None:
    """KServe refuses a binary FP16 input unless the output is binary, too."""
    half = triton_http.InferInput("h", [2], "FP16")
    half.set_data_from_numpy(np.array([0.5, 2], np.float16))
    wanted = [triton_http.InferRequestedOutput("wide", binary_data=False)]
    result = await with_http(servers, lambda client: client.infer("widening", [half], outputs=wanted))
    assert result.as_numpy("wide").tolist() == [0.5, 2.0]


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
async def test_tritonclient_http_may_compress_its_requests(servers: Servers, algorithm: str) -> None:
    """KServe answers 400."""
    inputs = tensors(triton_http)
    result = await with_http(
        servers, lambda client: client.infer("echo", inputs, request_compression_algorithm=algorithm)
    )
    np.testing.assert_array_equal(result.as_numpy("x"), MATRIX)


async def test_tritonclient_grpc_reads_what_it_sent(servers: Servers) -> None:
    result = await with_grpc(servers, lambda client: client.infer("echo", tensors(triton_grpc), request_id="7"))
    np.testing.assert_array_equal(result.as_numpy("x"), MATRIX)
    assert result.as_numpy("s").tolist() == [PICTURE]
    assert result.get_response().id == "7"


async def test_tritonclient_grpc_chooses_its_outputs(servers: Servers) -> None:
    wanted = [triton_grpc.InferRequestedOutput("s")]
    result = await with_grpc(servers, lambda client: client.infer("echo", tensors(triton_grpc), outputs=wanted))
    assert [output.name for output in result.get_response().outputs] == ["s"]


@pytest.mark.parametrize("ask", [with_http, with_grpc])
async def test_tritonclient_finds_the_server_and_its_models(servers: Servers, ask: Any) -> None:
    assert await ask(servers, lambda client: client.is_server_live())
    assert not await ask(servers, lambda client: client.is_server_ready())
    await ask(servers, lambda client: client.load_model("absent"))
    assert await ask(servers, lambda client: client.is_server_ready())
    assert await ask(servers, lambda client: client.is_model_ready("echo"))
    await ask(servers, lambda client: client.unload_model("absent"))
    index = await ask(servers, lambda client: client.get_model_repository_index())
    names = [entry["name"] for entry in index] if isinstance(index, list) else [entry.name for entry in index.models]
    assert names == ["echo", "other", "widening", "late", "bug", "hopless"]


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("nope", grpc.StatusCode.NOT_FOUND),
        ("absent", grpc.StatusCode.UNAVAILABLE),
        ("hopless", grpc.StatusCode.UNIMPLEMENTED),
        ("late", grpc.StatusCode.DEADLINE_EXCEEDED),
        ("bug", grpc.StatusCode.INTERNAL),
    ],
)
async def test_grpc_errors_have_the_status_that_they_mean(servers: Servers, model: str, code: Any) -> None:
    with pytest.raises(triton_grpc.InferenceServerException) as caught:
        await with_grpc(servers, lambda client: client.infer(model, tensors(triton_grpc)))
    assert str(code) in str(caught.value.status())


async def test_the_shape_that_does_not_fit_is_the_callers_argument(servers: Servers) -> None:
    wrong = triton_grpc.InferInput("x", [2, 3], "FP32")
    wrong.set_data_from_numpy(MATRIX)
    wrong.set_shape([7])
    with pytest.raises(triton_grpc.InferenceServerException, match="takes 28"):
        await with_grpc(servers, lambda client: client.infer("echo", [wrong]))


async def test_health_and_reflection_are_there(servers: Servers) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{servers.grpc_port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        check = health_pb2.HealthCheckRequest
        assert (await stub.Check(check(service="echo"))).status == health_pb2.HealthCheckResponse.SERVING
        assert (await stub.Check(check(service=""))).status == health_pb2.HealthCheckResponse.NOT_SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Check(check(service="nothing"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        watch = stub.Watch(check(service="echo"))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()

    def services() -> set[str]:
        with grpc.insecure_channel(f"127.0.0.1:{servers.grpc_port}") as channel:
            return set(ProtoReflectionDescriptorDatabase(channel).get_services())

    assert {"inference.GRPCInferenceService", "grpc.health.v1.Health"} <= await asyncio.to_thread(services)


async def test_the_request_id_comes_back_over_grpc(servers: Servers) -> None:
    message = InferRequest("echo", [_input()]).to_grpc()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{servers.grpc_port}") as channel:
        call = channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            request_serializer=type(message).SerializeToString,
            response_deserializer=bytes,
        )(message, metadata=(("x-request-id", "mine"),))
        await call
        trailer = dict(await call.trailing_metadata())
    assert trailer["x-request-id"] == "mine"
    assert trailer["server-timing"].startswith("decode;dur=")


def _input() -> Any:
    from modelapi import InferInput

    return InferInput("x", [2, 3], "FP32", MATRIX)


async def test_bytes_that_are_no_message_are_the_callers_argument(servers: Servers) -> None:
    """Left to grpcio, they are INTERNAL."""
    good = InferRequest("echo", [_input()]).to_grpc().SerializeToString()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{servers.grpc_port}") as channel:
        infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        for body in (b"\xff\xff", good[:-3], b"\x0a\x7f"):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await infer(body)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("flag", ["http_port", "grpc_port"])
async def test_a_port_that_is_taken_is_named_with_its_flag(servers: Servers, flag: str) -> None:
    config = ServerConfig(**{"http_port": 0, "grpc_port": 0, flag: getattr(servers, flag)})
    second = Servers(config, DataPlane(ModelRepository()))
    with pytest.raises(AddressTaken, match=f"--{flag}"):
        await second.start()


async def test_without_grpc_only_rest_listens() -> None:
    only = Servers(ServerConfig(http_port=0, grpc_port=0, enable_grpc=False), DataPlane(ModelRepository()))
    await only.start()
    assert only.http_port
    assert only.grpc_port == 0
    await only.stop(1)


async def test_the_callers_deadline_goes_on_to_the_hop() -> None:
    """The predictor is another server of ours that never answers; the caller gives up long before the hop would."""
    left: list[float] = []

    class Silent(Model):
        async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
            left.append(seconds_left(600))
            await asyncio.sleep(30)

    class Hop(Model):
        pass

    async with AsyncExitStack() as stack:
        running = []
        for model in (Silent("m"), Hop("m")):
            if running:
                model.predictor_config = PredictorConfig(f"127.0.0.1:{running[0].grpc_port}", "grpc-v2")
            model.load()
            repository = ModelRepository()
            repository.update(model)
            server = Servers(ServerConfig(http_port=0, grpc_port=0), DataPlane(repository))
            await server.start()
            stack.push_async_callback(server.stop, 0)
            running.append(server)
        message = InferRequest("m", [_input()]).to_grpc()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{running[1].grpc_port}") as channel:
            call = channel.unary_unary(
                "/inference.GRPCInferenceService/ModelInfer", request_serializer=type(message).SerializeToString
            )
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(message, timeout=2)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert left
        assert left[0] <= 2
