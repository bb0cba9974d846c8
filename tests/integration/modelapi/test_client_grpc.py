"""InferenceGRPCClient against modelapi's own server, and against a bare one that fails as told."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as pb

from modelapi import InferenceGRPCClient, InferInput, InferOutput, InferRequest, InferResponse, Model, ModelRepository
from modelapi.config import ServerConfig
from modelapi.dataplane import DataPlane
from modelapi.errors import InvalidInput
from modelapi.server.run import Servers

PICTURE = np.random.default_rng(0).random((1, 3, 224, 224), dtype=np.float32)


class Echo(Model):
    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        outputs = [InferOutput(t.name, t.shape, t.datatype, t.as_numpy()) for t in payload.inputs]
        return InferResponse(payload.id, self.name, outputs)


@pytest.fixture
async def target() -> AsyncIterator[str]:
    repository = ModelRepository()
    echo = Echo("echo")
    echo.load()
    repository.update(echo)
    repository.update(Echo("absent"))
    servers = Servers(ServerConfig(http_port=0, grpc_port=0), DataPlane(repository))
    await servers.start()
    yield f"127.0.0.1:{servers.grpc_port}"
    await servers.stop(1)


class Flaky(grpc.GenericRpcHandler):
    """A server that answers `codes`, one for each call, and then OK."""

    def __init__(self, *codes: grpc.StatusCode) -> None:
        self.codes = list(codes)
        self.calls = 0

    def service(self, handler_call_details: Any) -> Any:
        async def answer(_request: Any, context: Any) -> Any:
            self.calls += 1
            if self.codes:
                await context.abort(self.codes.pop(0), "as told")
            return pb.ServerReadyResponse(ready=True)

        return grpc.unary_unary_rpc_method_handler(
            answer, pb.ServerReadyRequest.FromString, pb.ServerReadyResponse.SerializeToString
        )


@pytest.fixture
async def flaky() -> AsyncIterator[tuple[str, Flaky]]:
    handler = Flaky()
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}", handler
    await server.stop(None)


def request_of(array: np.ndarray) -> InferRequest:
    tensor = InferInput("INPUT__0", list(array.shape), "FP32")
    tensor.set_data_from_numpy(array)
    return InferRequest("echo", [tensor], request_id="7")


async def test_a_request_and_a_message_are_answered_alike(target: str) -> None:
    async with InferenceGRPCClient(target) as client:
        response = await client.infer(request_of(PICTURE), headers=(("x-request-id", "r1"),))
        again = await client.infer(request_of(PICTURE).to_grpc(), headers={"x-request-id": "r1"})
    assert (response.id, again.id) == ("7", "7")
    np.testing.assert_array_equal(response.outputs[0].as_numpy(), PICTURE)
    np.testing.assert_array_equal(again.outputs[0].as_numpy(), PICTURE)


async def test_anything_else_is_refused(target: str) -> None:
    async with InferenceGRPCClient(target) as client:
        with pytest.raises(InvalidInput, match="not a dict"):
            await client.infer({"inputs": []})  # type: ignore[arg-type]


async def test_the_questions_about_readiness_are_answered(target: str) -> None:
    async with InferenceGRPCClient(target) as client:
        assert await client.is_server_live() is True
        assert await client.is_server_ready() is False  # one of its models is not
        assert await client.is_model_ready("echo") is True
        assert await client.is_model_ready("absent") is False
        with pytest.raises(grpc.RpcError) as caught:
            await client.is_model_ready("nobody")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("retries", [1, 2])
async def test_retries_are_retries_and_one_is_allowed(flaky: tuple[str, Flaky], retries: int) -> None:
    target, handler = flaky
    handler.codes = [grpc.StatusCode.UNAVAILABLE] * retries
    async with InferenceGRPCClient(target, retries=retries) as client:
        assert await client.is_server_ready() is True
    assert handler.calls == retries + 1


@pytest.mark.parametrize("retries", [0, None])
async def test_without_retries_the_first_failure_is_raised(flaky: tuple[str, Flaky], retries: int | None) -> None:
    target, handler = flaky
    handler.codes = [grpc.StatusCode.UNAVAILABLE]
    async with InferenceGRPCClient(target, retries=retries) as client:
        with pytest.raises(grpc.RpcError, match="as told"):
            await client.is_server_ready()


async def test_other_failures_are_not_retried(flaky: tuple[str, Flaky]) -> None:
    target, handler = flaky
    handler.codes = [grpc.StatusCode.INTERNAL]
    async with InferenceGRPCClient(target, retries=5) as client:
        with pytest.raises(grpc.RpcError) as caught:
            await client.is_server_ready(timeout=5)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert handler.calls == 1


async def test_retries_in_the_channels_own_settings_are_left_alone(flaky: tuple[str, Flaky]) -> None:
    target, handler = flaky
    handler.codes = [grpc.StatusCode.UNAVAILABLE]
    async with InferenceGRPCClient(target, channel_args=[("grpc.enable_retries", 0)]) as client:
        with pytest.raises(grpc.RpcError):
            await client.is_server_ready()
    assert handler.calls == 1


def test_it_may_be_made_where_no_event_loop_runs() -> None:
    assert InferenceGRPCClient("predictor", use_ssl=True) is not None
