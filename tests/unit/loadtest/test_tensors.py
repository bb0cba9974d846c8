"""Requests made of a model's metadata."""

import json
from typing import Any

import numpy as np
import pytest
from _payload import PayloadError
from _tensors import Tensors, synthesise
from tritonclient.grpc.service_pb2 import ModelInferRequest


def metadata(datatype: str = "FP32") -> dict[str, Any]:
    return {"inputs": [{"name": "INPUT__0", "datatype": datatype, "shape": [-1, 3, 2, 2]}]}


@pytest.fixture
def tensors() -> Tensors:
    return synthesise(metadata(), "m")


def test_all_forms_hold_the_same_numbers(tensors: Tensors) -> None:
    values = tensors.inputs[0].values
    assert values.shape == (1, 3, 2, 2)
    assert np.allclose(json.loads(tensors.v1("m").body)["instances"][0]["data"], values[0])
    assert np.allclose(json.loads(tensors.v2_json("m").body)["inputs"][0]["data"], values.ravel())
    assert tensors.v2_binary("m").body.endswith(values.tobytes())
    sent = ModelInferRequest.FromString(tensors.v2_grpc("m").body)
    assert sent.raw_input_contents[0] == values.tobytes()
    assert list(sent.inputs[0].shape) == [1, 3, 2, 2]


def test_they_are_the_same_in_every_run() -> None:
    assert synthesise(metadata(), "m").v2_binary("m") == synthesise(metadata(), "m").v2_binary("m")


@pytest.mark.parametrize("datatype", ["BOOL", "UINT8", "INT64", "FP16"])
def test_every_type_of_number_has_its_size(datatype: str) -> None:
    made = synthesise(metadata(datatype), "m").v2_binary("m")
    head = json.loads(made.body[: int(made.headers["Inference-Header-Content-Length"])])
    assert len(made.body) == len(json.dumps(head, separators=(",", ":"))) + made_size(head)


def made_size(head: dict[str, Any]) -> int:
    return int(head["inputs"][0]["parameters"]["binary_data_size"])


@pytest.mark.parametrize(
    ("given", "words"), [({}, "names no inputs"), ({"inputs": []}, "names no inputs"), (metadata("BYTES"), "is BYTES")]
)
def test_what_cannot_be_synthesised_is_said(given: Any, words: str) -> None:
    with pytest.raises(PayloadError, match=words):
        synthesise(given, "m")
