"""Both services of the guide answer every wire through one ingress port, to clients nobody here wrote."""

from __future__ import annotations

import base64
import json
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from e2e.stack import CIFAR10, INPUTS, MNIST, Stack, curl, curl_at, picture

pytestmark = pytest.mark.e2e

MODELS = {MNIST: "mnist", CIFAR10: "cifar10"}
CAT = 3
"""CIFAR-10's classes: airplane, automobile, bird, cat, ..."""


def answer_is_right(name: str, values: np.ndarray[Any, Any]) -> None:
    """The digit is a 2; the ten scores are highest for the cat."""
    if name == MNIST:
        assert values.ravel().tolist() == [2]
    else:
        assert values.size == 10
        assert values.argmax() == CAT


@pytest.mark.parametrize("name", MODELS)
def test_curl_with_the_example_s_input_gets_the_right_answer(stack: Stack, name: str) -> None:
    status, body = curl(stack, name, f"/v1/models/{MODELS[name]}:predict", "-d", f"@{INPUTS[name]}")
    assert status == 200
    assert list(body) == ["predictions"]
    answer_is_right(name, np.asarray(body["predictions"]))


@pytest.mark.parametrize("binary", [False, True], ids=["json", "binary"])
@pytest.mark.parametrize("name", MODELS)
def test_tritonclient_http_gets_the_right_answer(stack: Stack, name: str, binary: bool) -> None:
    raw = picture(name)
    if not binary:
        raw = base64.b64encode(raw)
    tensor = triton_http.InferInput("INPUT__0", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([raw], dtype=object), binary_data=binary)
    with triton_http.InferenceServerClient(stack.address(name)) as client:
        headers = {"Host": stack.host(name)}
        assert client.is_model_ready(MODELS[name], headers=headers)
        result = client.infer(MODELS[name], [tensor], headers=headers)
    assert result.get_response()["model_name"] == MODELS[name]
    [output] = result.get_response()["outputs"]
    answer_is_right(name, result.as_numpy(output["name"]))


@pytest.mark.parametrize("name", MODELS)
def test_tritonclient_grpc_gets_the_right_answer(stack: Stack, name: str) -> None:
    tensor = triton_grpc.InferInput("INPUT__0", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([picture(name)], dtype=object))
    with triton_grpc.InferenceServerClient(stack.address(name), channel_args=authority(stack, name)) as client:
        assert client.is_server_live()
        assert client.is_model_ready(MODELS[name])
        result = client.infer(MODELS[name], [tensor])
    [output] = result.get_response().outputs
    answer_is_right(name, result.as_numpy(output.name))


def authority(stack: Stack, name: str) -> list[tuple[str, str]]:
    return [("grpc.default_authority", stack.host(name))]


@pytest.mark.parametrize("name", MODELS)
def test_a_client_that_knows_no_proto_finds_the_service_by_reflection(stack: Stack, name: str) -> None:
    with grpc.insecure_channel(stack.address(name), options=authority(stack, name)) as channel:
        assert "inference.GRPCInferenceService" in ProtoReflectionDescriptorDatabase(channel).get_services()


def test_both_services_stand_on_one_port(stack: Stack) -> None:
    assert stack.address(MNIST) == stack.address(CIFAR10)
    assert stack.host(MNIST) == "torch-transformer.default.example.com"
    assert stack.host(CIFAR10) == "torch-grpc-transformer.default.example.com"


def test_an_unknown_host_is_not_found(stack: Stack) -> None:
    status, _ = curl_at(f"http://{stack.address(MNIST)}/v1/models", "nobody.default.example.com")
    assert status == 404


def test_a_model_of_another_service_is_not_found(stack: Stack) -> None:
    status, body = curl(stack, MNIST, "/v1/models/cifar10:predict", "-d", f"@{INPUTS[CIFAR10]}")
    assert status == 404
    assert body == {"error": "Model with name cifar10 does not exist."}


@pytest.mark.parametrize(
    ("case", "body"),
    [
        ("broken JSON", "{"),
        ("empty body", ""),
        ("no instances", "{}"),
        ("instances that are no list", '{"instances": 1}'),
        ("an instance without an image", '{"instances": [{}]}'),
        ("broken base64", '{"instances": [{"image": {"b64": "*"}}]}'),
        ("a broken picture", '{"instances": [{"image": {"b64": "aGVsbG8="}}]}'),
    ],
)
@pytest.mark.parametrize("name", MODELS)
def test_a_bad_v1_request_gets_a_4xx_that_says_why(stack: Stack, name: str, case: str, body: str) -> None:
    status, answer = curl(stack, name, f"/v1/models/{MODELS[name]}:predict", "-d", body)
    assert 400 <= status < 500, (case, answer)
    assert list(answer) == ["error"]
    assert answer["error"]
    assert "Traceback" not in answer["error"]


@pytest.mark.parametrize(
    ("case", "body"),
    [
        ("no inputs", {}),
        ("a wrong shape", {"inputs": [{"name": "INPUT__0", "shape": [3], "datatype": "BYTES", "data": ["YQ=="]}]}),
        ("a wrong datatype", {"inputs": [{"name": "INPUT__0", "shape": [1], "datatype": "FP31", "data": [1]}]}),
        (
            "a value of another type",
            {"inputs": [{"name": "INPUT__0", "shape": [1], "datatype": "INT8", "data": ["a"]}]},
        ),
        ("a value out of range", {"inputs": [{"name": "INPUT__0", "shape": [1], "datatype": "INT8", "data": [300]}]}),
    ],
)
@pytest.mark.parametrize("name", MODELS)
def test_a_bad_v2_request_gets_a_4xx_that_says_why(stack: Stack, name: str, case: str, body: Any) -> None:
    json_type = "Content-Type: application/json"
    status, answer = curl(stack, name, f"/v2/models/{MODELS[name]}/infer", "-H", json_type, "-d", json.dumps(body))
    assert 400 <= status < 500, (case, answer)
    assert list(answer) == ["error"]


def test_the_transformers_logs_say_which_wire_the_predictor_is_spoken_to_on(stack: Stack) -> None:
    grpc_log = stack.isvc("logs", f"{CIFAR10}-transformer").stdout
    assert "opened a gRPC channel to the predictor at" in grpc_log
    assert "opened a REST client" not in grpc_log
    rest_log = stack.isvc("logs", f"{MNIST}-transformer").stdout
    assert "opened a REST client to the predictor at http://" in rest_log
    assert "gRPC channel" not in rest_log
