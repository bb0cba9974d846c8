import base64
import json

import pytest

from isvc.cli import payload
from isvc.errors import InputError

PICTURE = base64.b64encode(b"a picture").decode()


def v2(body):
    return json.loads(payload.v2(body, "input.json"))


@pytest.mark.parametrize("instance", [{"image": {"b64": PICTURE}}, {"b64": PICTURE}, {"data": PICTURE}, PICTURE])
def test_pictures_become_one_bytes_tensor(instance):
    assert v2({"instances": [instance, instance]}) == {
        "inputs": [{"name": "input-0", "datatype": "BYTES", "shape": [2], "data": [PICTURE, PICTURE]}]
    }


def test_numbers_become_an_fp32_tensor_of_their_shape():
    assert v2({"instances": [[1, 2.5, 3], [4, 5, 6]]})["inputs"] == [
        {"name": "input-0", "datatype": "FP32", "shape": [2, 3], "data": [1, 2.5, 3, 4, 5, 6]}
    ]


def test_a_v2_body_stays_as_it_is():
    body = {"id": "7", "inputs": [{"name": "x", "datatype": "INT64", "shape": [1], "data": [1]}]}
    assert v2(body) == body


def test_over_grpc_a_picture_travels_as_its_bytes():
    request = payload.grpc({"instances": [{"image": {"b64": PICTURE}}]}, "mnist", "input.json")
    assert request["model_name"] == "mnist"
    assert request["inputs"][0]["contents"] == {"bytes_contents": [PICTURE]}


def test_over_grpc_text_that_is_no_base64_is_encoded():
    request = payload.grpc({"instances": ["what is this?"]}, "m", "input.json")
    (encoded,) = request["inputs"][0]["contents"]["bytes_contents"]
    assert base64.b64decode(encoded) == b"what is this?"


@pytest.mark.parametrize(
    ("datatype", "field"),
    [("INT8", "int_contents"), ("UINT16", "uint_contents"), ("INT64", "int64_contents"), ("FP32", "fp32_contents")],
)
def test_over_grpc_numbers_travel_in_the_field_of_their_datatype(datatype, field):
    body = {"inputs": [{"name": "x", "datatype": datatype, "shape": [2, 1], "data": [[1], [2]]}]}
    assert payload.grpc(body, "m", "input.json")["inputs"][0]["contents"] == {field: [1, 2]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"instances": []},
        {"instances": {}},
        {"instances": [[1, 2], [3]]},
        {"instances": [{"a": 1, "b": 2}]},
        {"instances": [[]]},
        {"instances": [None]},
    ],
)
def test_what_makes_no_tensor_is_refused_with_the_name_of_the_file(body):
    with pytest.raises(InputError, match=r"input\.json"):
        payload.v2(body, "input.json")


@pytest.mark.parametrize("tensor", [{}, {"name": "x", "datatype": "FP99", "shape": [1], "data": [1]}])
def test_a_v2_input_that_lacks_something_is_refused(tensor):
    with pytest.raises(InputError, match=r"input\.json"):
        payload.grpc({"inputs": [tensor]}, "m", "input.json")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"7"])
def test_what_is_no_json_object_is_refused(data):
    with pytest.raises(InputError, match=r"input\.json"):
        payload.parse(data, "input.json")


def test_a_v1_request_needs_instances():
    with pytest.raises(InputError, match="--protocol v2"):
        payload.v1({"inputs": []}, "input.json")
