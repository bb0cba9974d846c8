"""What a model hands over, in the form that the predictor's protocol has for it."""

from typing import Any

import numpy as np
import orjson
import pytest

from modelapi.codec import v1
from modelapi.errors import InvalidInput
from modelapi.predictors.payload import for_v1, for_v2
from modelapi.types import InferInput, InferRequest


def request_of(*tensors: InferInput) -> InferRequest:
    return InferRequest("mnist", list(tensors), request_id="7")


def fp32(shape: list[int], name: str = "INPUT__0") -> InferInput:
    tensor = InferInput(name, shape, "FP32")
    tensor.set_data_from_numpy(np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape))
    return tensor


@pytest.mark.parametrize("payload", [{"instances": [1]}, {"anything": 1}, [1, 2], b"raw", "text", None])
def test_v1_takes_whatever_is_no_infer_request_as_it_is(payload: Any) -> None:
    assert for_v1(payload) is payload


@pytest.mark.parametrize(
    ("tensor", "instances"),
    [
        (fp32([2, 2]), [[0.0, 1.0], [2.0, 3.0]]),
        (InferInput("x", [2], "INT64", [5, 6]), [5, 6]),
        (InferInput("x", [2], "BYTES", ["a", b"b"]), ["a", "b"]),
        (InferInput("x", [1, 2], "BYTES", ["a", "b"]), [["a", "b"]]),
        (InferInput("x", [2], "BOOL", [True, False]), [True, False]),
        (InferInput("x", [2], "FP16", np.array([1, 2], np.float16).tobytes()), [1.0, 2.0]),
    ],
)
def test_v1_makes_instances_of_the_rows_of_one_input(tensor: InferInput, instances: list[Any]) -> None:
    assert orjson.loads(v1.encode(for_v1(request_of(tensor)))) == {"instances": instances}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (request_of(fp32([1, 2], "a"), fp32([1, 2], "b")), r"no form for 2 inputs \(a, b\): return a dict"),
        (request_of(), "no form for 0 inputs"),
        (request_of(InferInput("a", [], "FP32", [1.0])), "'a' has no batch dimension: return a dict"),
        (request_of(InferInput("a", [1], "BYTES", [b"\xff\xd8"])), "base64-encode them in preprocess"),
    ],
)
def test_v1_refuses_what_has_no_clear_form_and_says_what_to_return(request_: InferRequest, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        for_v1(request_)


def test_v2_takes_an_infer_request_as_it_is() -> None:
    request = request_of(fp32([1, 2]))
    assert for_v2(request, "other") is request


def test_v2_reads_a_dict_in_the_json_form_of_v2() -> None:
    inputs = [{"name": "x", "shape": [1, 2], "datatype": "INT64", "data": [[3, 4]]}]
    request = for_v2({"id": "7", "inputs": inputs}, "mnist")
    assert (request.model_name, request.id) == ("mnist", "7")
    assert request.inputs[0].as_numpy().tolist() == [[3, 4]]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"instances": [1]}, r'is a V1 body \("instances"\): return an InferRequest'),
        ({"input": []}, "is a dict without inputs: return an InferRequest"),
        ([1], "is a list: return an InferRequest"),
        (None, "is a NoneType: return an InferRequest"),
        ({"inputs": [{"name": "x"}]}, "shape"),
    ],
)
def test_v2_refuses_anything_else_and_says_what_to_return(payload: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        for_v2(payload, "mnist")
