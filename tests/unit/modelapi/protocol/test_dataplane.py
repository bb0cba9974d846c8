"""KServe's DataPlane: bodies to payloads, payloads through a model, answers to bodies; without a socket."""

from typing import Any

import numpy as np
import orjson
import pytest

from modelapi import InferInput, InferOutput, InferRequest, InferResponse, Model, ModelRepository, ModelServer, context
from modelapi.config import PredictorConfig
from modelapi.errors import InvalidInput, ModelNotFound, ModelNotReady
from modelapi.protocol.dataplane import DataPlane
from modelapi.protocol.rest.v2_datamodels import InferenceRequest

EVENT = {"specversion": "1.0", "id": "1", "source": "here", "type": "ask", "time": "2026-01-01T00:00:00Z"}
TENSOR = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}


class Twice(Model):
    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        response_headers["x-model"] = "7"
        return {"predictions": [2 * value for value in payload["instances"]]}

    async def explain(self, payload: Any, headers: Any = None) -> Any:
        return {"explanations": payload["instances"]}


class Broken(Model):
    def load(self) -> bool:
        return False


@pytest.fixture
def plane() -> DataPlane:
    repository = ModelRepository()
    for model in (Twice("twice", return_response_headers=True), Broken("broken")):
        repository.update(model)
    return DataPlane(repository)


async def test_a_payload_goes_through_the_models_steps(plane: DataPlane) -> None:
    assert await plane.infer("twice", {"instances": [1, 2]}) == ({"predictions": [2, 4]}, {"x-model": "7"})
    assert await plane.explain("twice", {"instances": [1]}) == ({"explanations": [1]}, {})


async def test_a_model_is_loaded_when_it_is_asked_for(plane: DataPlane) -> None:
    assert not await plane.model_ready("twice")
    assert (await plane.get_model("twice")).ready
    assert await plane.model_ready("twice", disable_predictor_health_check=True)
    with pytest.raises(ModelNotReady, match="broken"):
        await plane.get_model("broken")
    with pytest.raises(ModelNotFound, match="nope"):
        await plane.model_ready("nope", True)


@pytest.mark.parametrize(
    ("body", "headers", "payload", "attributes"),
    [
        (b'{"instances":[1]}', {}, {"instances": [1]}, {}),
        (b'{"instances":[1]}', {"content-type": "application/json; charset=utf-8"}, {"instances": [1]}, {}),
        (b"\xff\xd8", {"content-type": "image/jpeg"}, b"\xff\xd8", {}),
        (b"[1]", {f"ce-{name}": value for name, value in EVENT.items()}, [1], EVENT),
        (orjson.dumps({**EVENT, "data": [1]}), {"content-type": "application/cloudevents+json"}, [1], EVENT),
        ({"instances": [1]}, None, {"instances": [1]}, {}),
    ],
)
def test_a_body_is_decoded_by_its_headers(
    plane: DataPlane, body: Any, headers: Any, payload: object, attributes: object
) -> None:
    assert plane.decode(body, headers) == (payload, attributes)


def test_an_inference_request_is_decoded_from_each_of_its_forms(plane: DataPlane) -> None:
    wanted = InferRequest("m", [InferInput("x", [2], "FP32", [1, 2])])
    assert plane.decode(wanted, {}) == (wanted, {})
    model = InferenceRequest.model_validate({"inputs": [TENSOR]})
    assert plane.decode(model, {}, "v2", "m")[0] == wanted
    entry = {"name": "x", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": 8}}
    head = orjson.dumps({"inputs": [entry]})
    body = head + np.array([1, 2], np.float32).tobytes()
    request = plane.decode(body, {"inference-header-content-length": str(len(head))}, "v2", "m")[0]
    assert request.inputs[0].as_numpy().tolist() == [1.0, 2.0]


@pytest.mark.parametrize("headers", [{}, {"inference-header-content-length": "x"}])
def test_a_binary_body_without_its_length_is_invalid(plane: DataPlane, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="inference-header-content-length"):
        plane.decode(b"{}", headers, "v2", "m")


def test_an_answer_to_an_event_is_an_event(plane: DataPlane) -> None:
    asked = {f"ce-{name}": value for name, value in EVENT.items()}
    body, headers = plane.encode("twice", {"predictions": []}, asked, EVENT)
    assert orjson.loads(body) == {"predictions": []}
    assert headers["ce-source"] == "io.kserve.inference.twice"
    body, headers = plane.encode("twice", {"predictions": []}, {"content-type": "application/cloudevents+json"}, EVENT)
    assert orjson.loads(body)["data"] == {"predictions": []}


def test_an_answer_to_anything_else_is_as_it_is(plane: DataPlane) -> None:
    assert plane.encode("twice", {"predictions": []}, {}, {}) == ({"predictions": []}, {})
    output = InferOutput("y", [1], "FP32")
    output.set_data_from_numpy(output_tensor=np.array([1], np.float32))
    body, headers = plane.encode("m", InferResponse("7", "m", [output], use_binary_outputs=True), {}, {})
    assert body[int(headers["inference-header-content-length"]) :] == np.array([1], np.float32).tobytes()


async def test_the_clients_are_those_of_the_predictor_in_the_context(plane: DataPlane) -> None:
    assert plane.rest_client is None
    assert plane.grpc_client is None
    context.set_predictor_config(PredictorConfig("127.0.0.1:1", "v2"))
    rest, grpc = plane.rest_client, plane.grpc_client
    assert rest is not None
    assert grpc is not None
    assert (rest, grpc) == (plane.rest_client, plane.grpc_client)
    await rest.close()
    await grpc.close()


async def test_a_server_has_kserves_data_plane_and_repository_over_its_models() -> None:
    server = ModelServer(argv=[])
    server.load([Twice("twice", return_response_headers=True)])
    assert (await server.dataplane.infer("twice", {"instances": [1]}))[0] == {"predictions": [2]}
    assert server.dataplane.metadata()["name"] == "kserve-local"
    assert (await server.dataplane.model_metadata("twice"))["name"] == "twice"
    assert await server.dataplane.ready()
    assert DataPlane.live() == {"status": "alive"}
    (entry,) = await server.model_repository_extension.index()
    assert entry["state"] == "READY"
