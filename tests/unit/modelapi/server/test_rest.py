"""The REST edge: routes, bodies, error shapes, headers; no socket."""

import gzip
import logging
import zlib
from typing import Any

import numpy as np
import orjson
import pytest

from modelapi import errors
from modelapi.config import ServerConfig
from modelapi.dataplane import DataPlane
from modelapi.server import grpc, rest
from modelapi.server.run import Servers

TENSOR = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}
V1 = "/v1/models/{}:predict"
V2 = "/v2/models/{}/infer"


async def test_v1_answers_the_users_dict(client: Any) -> None:
    answer = await client.post(V1.format("echo"), {"instances": [[1, 2]]})
    assert (answer.status, answer.body) == (200, b'{"predictions":[[1,2]]}')
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.body))


async def test_v1_explain_answers_and_echoes_no_request_header(client: Any) -> None:
    """KServe copies every request header onto the answer, Authorization included."""
    answer = await client.post("/v1/models/echo:explain", {"instances": []}, authorization="Bearer secret")
    assert answer.json() == {"explanations": {"instances": []}}
    assert "authorization" not in answer.headers


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "application/x-www-form-urlencoded"]
)
async def test_v1_json_is_json_whatever_its_parameters(client: Any, content_type: str) -> None:
    """KServe hands `application/json; charset=utf-8` to the model as raw bytes."""
    answer = await client.post(V1.format("echo"), {"instances": [1]}, content_type=content_type)
    assert answer.json() == {"predictions": [1]}


async def test_v1_other_content_types_reach_the_model_as_bytes(client: Any) -> None:
    answer = await client.post(V1.format("echo"), b"\xff\xd8", content_type="image/jpeg")
    assert (answer.status, answer.body) == (200, b"\xff\xd8")


async def test_v1_streams_an_async_generator(client: Any) -> None:
    answer = await client.post(V1.format("stream"), {})
    assert (answer.status, answer.body) == (200, b"ab")


async def test_a_stream_that_breaks_is_broken_off(client: Any) -> None:
    with pytest.raises(RuntimeError, match="in the middle"):
        await client.post(V1.format("breaking"), {})


EVENT = {"specversion": "1.0", "id": "1", "source": "here", "type": "ask"}


async def test_a_binary_cloud_event_is_answered_by_one(client: Any) -> None:
    headers = {f"ce_{name}": value for name, value in EVENT.items()}
    answer = await client.post(V1.format("echo"), {"instances": [1]}, content_type="application/json", **headers)
    assert answer.json() == {"predictions": [1]}
    assert answer.headers["ce-type"] == "io.kserve.inference.response"
    assert answer.headers["ce-source"] == "io.kserve.inference.echo"
    assert answer.headers["ce-id"] != "1"
    assert answer.headers["content-type"] == "application/json"


async def test_a_structured_cloud_event_is_answered_by_one(client: Any) -> None:
    body = {**EVENT, "data": {"instances": [1]}}
    answer = await client.post(V1.format("echo"), body, content_type="application/cloudevents+json")
    assert answer.headers["content-type"] == "application/cloudevents+json"
    assert answer.json()["data"] == {"predictions": [1]}


async def test_an_event_in_plain_json_is_unwrapped_and_answered_plainly(client: Any) -> None:
    body = {**EVENT, "time": "2026-01-01T00:00:00Z", "data": {"instances": [1]}}
    answer = await client.post(V1.format("echo"), body, content_type="application/json")
    assert answer.json() == {"predictions": [1]}


async def test_an_event_that_lacks_an_attribute_is_an_ordinary_payload(client: Any) -> None:
    answer = await client.post(V1.format("echo"), {"instances": [1]}, ce_specversion="1.0", ce_id="1")
    assert answer.json() == {"predictions": [1]}
    assert "ce-id" not in answer.headers


async def test_v2_json_answers_kserves_object(client: Any) -> None:
    answer = await client.post(V2.format("echo"), {"id": "7", "inputs": [TENSOR]})
    assert answer.body == (
        b'{"model_name":"echo","model_version":null,"id":"7","parameters":null,'
        b'"outputs":[{"name":"x","shape":[2],"datatype":"FP32","parameters":null,"data":[1.0,2.0]}]}'
    )


async def test_v2_json_needs_no_content_type(client: Any) -> None:
    """tritonclient sends none with binary_data=False, which KServe answers with 400."""
    assert (await client.post(V2.format("echo"), {"inputs": [TENSOR]})).status == 200


async def test_v2_binary_in_and_out(client: Any) -> None:
    entry = {"name": "x", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": 8}}
    head = orjson.dumps({"inputs": [entry], "parameters": {"binary_data_output": True}})
    raw = np.array([1, 2], dtype=np.float32).tobytes()
    answer = await client.call("POST", V2.format("echo"), head, raw, inference_header_content_length=str(len(head)))
    length = int(answer.headers["inference-header-content-length"])
    assert answer.body[length:] == raw
    assert answer.headers["content-type"] == "application/octet-stream"
    assert orjson.loads(answer.body[:length])["outputs"][0]["parameters"] == {"binary_data_size": 8}


async def test_v2_versions_are_served_where_a_model_has_them(client: Any) -> None:
    body = {"inputs": [TENSOR]}
    assert (await client.post("/v2/models/versioned/versions/1/infer", body)).status == 200
    assert (await client.post("/v2/models/versioned/versions/2/infer", body)).status == 404
    assert (await client.post("/v2/models/echo/versions/1/infer", body)).status == 501


@pytest.mark.parametrize(
    ("model", "status", "text"),
    [
        ("nope", 404, "Model with name nope does not exist."),
        ("absent", 503, "Model with name absent is not ready."),
        ("hopless", 501, "Could not find predictor_host."),
        ("refused", 429, "slow down"),
        ("down", 503, "predictor h:1: connection refused"),
        ("late", 504, "predictor h:1 did not answer within 1 s"),
        ("bug", 500, "KeyError : 'instances'"),
    ],
)
@pytest.mark.parametrize("path", [V1, V2])
async def test_errors_have_kserves_shape_and_the_right_status(
    client: Any, path: str, model: str, status: int, text: str
) -> None:
    answer = await client.post(path.format(model), {"instances": [], "inputs": [TENSOR]})
    assert (answer.status, answer.json()) == (status, {"error": text})


@pytest.mark.parametrize(
    ("path", "body", "headers", "text"),
    [
        (V1, b"{", {}, "Unrecognized request format"),
        (V1, b"", {}, "Unrecognized request format"),
        (V1, b'{"instances":5}', {}, 'Expected "instances" to be a list'),
        (V2, b"{", {}, "Unrecognized request format"),
        (V2, b"", {}, "Unrecognized request format"),
        (V2, b'{"inputs":[]}', {}, "'inputs' is empty"),
        (V2, b'{"inputs":[{"name":"x","shape":[3],"datatype":"FP32","data":[1]}]}', {}, "holds 3"),
        (V2, b'{"inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":[999]}]}', {}, "outside of INT8"),
        (V2, b'{"inputs":[{"name":"x","shape":[1],"datatype":"INT8","data":["a"]}]}', {}, "no INT8"),
        (V2, b"{}", {"inference_header_content_length": "x"}, "is no number"),
        (V2, b"{}", {"inference_header_content_length": "-1"}, "is no number"),
        (V2, b"{}", {"inference_header_content_length": "99"}, "the body has 2 bytes"),
        (V2, b"{}", {"content_type": "application/octet-stream"}, "header is missing"),
        (V1, b"{}", {"content_length": "many"}, "is no number"),
        (V1, b"xyz", {"content_encoding": "gzip"}, "is no gzip"),
        (V1, b"x", {"content_encoding": "br"}, "content-encoding 'br' is not supported"),
        (V1, gzip.compress(b"{}")[:-9], {"content_encoding": "gzip"}, "ends too early"),
    ],
)
async def test_a_callers_mistake_is_a_400_that_names_it(
    client: Any, path: str, body: bytes, headers: dict[str, str], text: str
) -> None:
    answer = await client.post(path.format("echo"), body, **headers)
    assert answer.status == 400
    assert text in answer.json()["error"]


@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_compressed_bodies_are_understood(client: Any, name: str, pack: Any) -> None:
    answer = await client.post(V1.format("echo"), pack(b'{"instances":[1]}'), content_encoding=name)
    assert answer.json() == {"predictions": [1]}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b" " * 2001, {}),
        (b"{}", {"content_length": "2001"}),
        (gzip.compress(b" " * 100_000), {"content_encoding": "gzip"}),
    ],
)
async def test_a_body_beyond_the_limit_is_413(client: Any, body: bytes, headers: dict[str, str]) -> None:
    answer = await client.post(V1.format("echo"), body, **headers)
    assert answer.status == 413
    assert "2000 bytes" in answer.json()["error"]


async def test_a_body_in_many_pieces_is_put_together_and_limited(client: Any) -> None:
    answer = await client.call("POST", V1.format("echo"), b'{"inst', b"ances", b'":[1]}')
    assert answer.json() == {"predictions": [1]}
    assert (await client.call("POST", V1.format("echo"), *[b" " * 500] * 5)).status == 413


async def test_a_request_id_comes_back_and_a_missing_one_is_made(client: Any) -> None:
    answer = await client.post(V1.format("echo"), {"instances": []}, x_request_id="mine")
    assert answer.headers["x-request-id"] == "mine"
    assert len((await client.post(V1.format("echo"), {"instances": []})).headers["x-request-id"]) == 36
    assert (await client.post(V1.format("nope"), {}, x_request_id="mine")).headers["x-request-id"] == "mine"


async def test_server_timing_has_the_steps(client: Any) -> None:
    timing = (await client.post(V1.format("echo"), {"instances": []})).headers["server-timing"]
    steps = [part.split(";")[0].strip() for part in timing.split(",")]
    assert steps == ["decode", "preprocess", "predict", "postprocess", "encode"]


async def test_headers_of_another_body_are_never_copied(client: Any) -> None:
    """KServe copies content-encoding and the binary length of the predictor's answer onto its own."""
    answer = await client.post(V1.format("chatty"), {})
    assert answer.headers["x-model"] == "7"
    assert answer.headers["content-length"] == str(len(answer.body))
    theirs = {"content-encoding", "inference-header-content-length", "Content-Length", "date", "server"}
    assert not theirs.intersection(answer.headers)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", {"status": "alive"}),
        ("/v2/health/live", {"live": True}),
        ("/v1/models/echo", {"name": "echo", "ready": True}),
        ("/v2/models/echo/ready", {"name": "echo", "ready": True}),
        ("/v2/models/versioned/versions/1/ready", {"name": "versioned", "ready": True}),
        ("/v2/models/echo", {"name": "echo", "versions": None, "platform": "", "inputs": [], "outputs": []}),
    ],
)
async def test_the_other_routes_answer(client: Any, path: str, body: object) -> None:
    answer = await client.call("GET", path)
    assert (answer.status, answer.json()) == (200, body)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/health/ready", 503),
        ("GET", "/v1/models/absent", 503),
        ("GET", "/v2/models/absent/ready", 503),
        ("GET", "/v1/models/nope", 404),
        ("GET", "/v2/models/nope", 404),
        ("GET", "/v2/models/echo/versions/1", 501),
        ("GET", "/nothing", 404),
        ("GET", V2.format("echo"), 405),
        ("DELETE", "/v1/models", 405),
        ("POST", "/v2/repository/models/nope/load", 503),
        ("POST", "/v2/repository/models/nope/unload", 404),
        ("POST", "/v1/models/a/b:predict", 404),
    ],
)
async def test_every_error_has_the_one_shape(client: Any, method: str, path: str, status: int) -> None:
    answer = await client.call(method, path)
    assert answer.status == status
    assert list(answer.json()) == ["error"]


async def test_models_are_listed_loaded_and_unloaded(client: Any) -> None:
    assert (await client.call("GET", "/v2/models")).json()["models"][0] == "echo"
    assert (await client.call("POST", "/v2/repository/models/absent/load")).json() == {
        "name": "absent",
        "load": True,
    }
    assert (await client.call("POST", "/v2/repository/models/absent/unload")).status == 200
    index = (await client.post("/v2/repository/index", {"ready": True})).json()
    assert {"name": "echo", "state": "READY", "reason": ""} in index
    assert (await client.call("GET", "/v2/health/ready")).json() == {"ready": True}


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"ready": "yes"}'])
async def test_an_index_request_that_is_none_is_refused(client: Any, body: bytes) -> None:
    answer = await client.call("POST", "/v2/repository/index", body)
    assert answer.status == 400
    assert (await client.call("POST", "/v2/repository/index")).status == 200


async def test_the_metadata_announces_binary_tensors(client: Any) -> None:
    assert "binary_tensor_data" in (await client.call("GET", "/v2")).json()["extensions"]


async def test_metrics_are_served(client: Any) -> None:
    answer = await client.call("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")


async def test_the_openapi_document_has_the_prediction_routes(client: Any) -> None:
    paths = (await client.call("GET", "/openapi.json")).json()["paths"]
    for path in ("/v1/models/{model_name}:predict", "/v1/models/{model_name}:explain", "/v2/models/{model_name}/infer"):
        assert "post" in paths[path]
    assert (await client.call("GET", "/docs")).status == 404


async def test_the_docs_page_shows_the_document_where_it_is_asked_for(client: Any, plane: DataPlane) -> None:
    application = Servers(ServerConfig(enable_docs_url=True), plane).application
    page = await type(client)(application).call("GET", "/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert b"/openapi.json" in page.body


async def test_a_slash_too_many_is_redirected(client: Any) -> None:
    answer = await client.call("GET", "/v2/")
    assert (answer.status, answer.headers["location"]) == (307, "/v2")


async def test_a_wrong_method_is_told_the_right_ones(client: Any) -> None:
    assert (await client.call("DELETE", "/v2/models/echo/infer")).headers["allow"] == "POST"


async def test_a_draining_server_answers_503(client: Any, plane: DataPlane) -> None:
    await plane.drain(0)
    answer = await client.post(V1.format("echo"), {"instances": []})
    assert (answer.status, answer.json()) == (503, {"error": "Server is not ready. Server is shutting down."})


async def test_a_callers_mistake_is_logged_without_a_traceback(client: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "modelapi"):
        await client.post(V1.format("echo"), b"{")
    (record,) = [record for record in caplog.records if record.name == "modelapi.server.rest"]
    assert record.levelno == logging.INFO
    assert record.exc_info is None


def leaves(kind: type[errors.ModelApiError]) -> list[type[errors.ModelApiError]]:
    below = kind.__subclasses__()
    return [leaf for child in below for leaf in leaves(child)] if below else [kind]


@pytest.mark.parametrize("leaf", leaves(errors.ModelApiError), ids=lambda leaf: leaf.__name__)
def test_every_error_has_a_status_on_both_wires(leaf: type[errors.ModelApiError]) -> None:
    assert leaf in rest.STATUSES
    assert leaf in grpc.STATUSES


def test_a_users_own_error_has_the_status_of_its_nearest_relative() -> None:
    class Mine(errors.InvalidInput):
        pass

    assert rest.status_of(Mine("x")) == 400
    assert rest.status_of(NotImplementedError("x")) == 501
    assert rest.status_of(ZeroDivisionError("x")) == 500


async def test_an_output_that_is_not_what_it_says_is_the_models_failure(client: Any) -> None:
    answer = await client.post("/v2/models/misfit/infer", {"inputs": [TENSOR]})
    assert answer.status == 500
    assert "misfit answered with an output that is none" in answer.json()["error"]


async def test_an_output_that_there_is_not_is_the_callers_mistake(client: Any) -> None:
    answer = await client.post("/v2/models/misfit/infer", {"inputs": [TENSOR], "outputs": [{"name": "nope"}]})
    assert (answer.status, answer.json()) == (400, {"error": "Unexpected inference output 'nope' for model 'misfit'"})
