"""V2 JSON bodies: golden bytes, round trips, and every way to get one wrong."""

import contextlib

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelapi import InferInput, InferOutput, InferRequest, InferResponse
from modelapi.codec import v2_json
from modelapi.errors import InvalidInput
from modelapi.types import RequestedOutput

TENSOR = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}


def test_an_answer_has_kserves_keys_in_kserves_order_with_its_nulls() -> None:
    response = InferResponse("7", "m", [InferOutput("y", [1, 2], "FP32", np.array([[1, 2.5]], dtype=np.float32))])
    assert v2_json.encode_response(response) == (
        b'{"model_name":"m","model_version":null,"id":"7","parameters":null,'
        b'"outputs":[{"name":"y","shape":[1,2],"datatype":"FP32","parameters":null,"data":[1.0,2.5]}]}'
    )


def test_a_request_goes_out_without_what_it_has_not() -> None:
    request = InferRequest("m", [InferInput("x", [1], "BYTES", [b"a"])])
    assert v2_json.encode_request(request) == b'{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["a"]}]}'


def test_a_request_survives_the_round_trip() -> None:
    request = InferRequest(
        "m",
        [InferInput("x", [2, 1], "INT32", [[1], [2]], {"k": "v"}), InferInput("s", [1], "BYTES", ["é"])],
        request_id="1",
        parameters={"p": 1},
        request_outputs=[RequestedOutput("y", {"binary_data": False})],
    )
    assert v2_json.decode_request(v2_json.encode_request(request), "m") == request


def test_a_response_survives_the_round_trip() -> None:
    response = InferResponse("1", "m", [InferOutput("y", [2], "FP64", [0.5, 1.5])], model_version="2")
    assert v2_json.decode_response(v2_json.encode_response(response)) == response


def test_requested_outputs_choose_and_order() -> None:
    outputs = [InferOutput(name, [1], "INT8", [1]) for name in "abc"]
    wanted = [RequestedOutput("c"), RequestedOutput("a")]
    body = orjson.loads(v2_json.encode_response(InferResponse("1", "m", outputs, requested_outputs=wanted)))
    assert [output["name"] for output in body["outputs"]] == ["c", "a"]


def test_an_output_that_was_not_produced_is_named() -> None:
    response = InferResponse("1", "echo", [], requested_outputs=[RequestedOutput("nope")])
    with pytest.raises(InvalidInput, match="Unexpected inference output 'nope' for model 'echo'"):
        v2_json.encode_response(response)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Unrecognized request format"),
        (b"[]", "must be a JSON object"),
        (b"{}", "'inputs' is missing"),
        (b'{"inputs":{}}', "'inputs' must be a list"),
        (b'{"inputs":[]}', "'inputs' is empty"),
        (b'{"inputs":[1]}', "inputs\\[0\\] must be an object"),
        ({**TENSOR, "name": 1}, "inputs\\[0\\]: 'name'"),
        ({**TENSOR, "shape": "2"}, "'shape' must be a list of integers"),
        ({**TENSOR, "shape": [-1]}, "none of them negative"),
        ({**TENSOR, "shape": [True]}, "'shape' must be a list of integers"),
        ({**TENSOR, "shape": [3]}, "2 values in 'data', and the shape \\[3\\] holds 3"),
        ({**TENSOR, "datatype": 5}, "'datatype' must be a string"),
        ({**TENSOR, "datatype": "BF16"}, "invalid datatype 'BF16'"),
        ({**TENSOR, "data": "x"}, "'data' must be a list"),
        ({**TENSOR, "data": None}, "'data' must be a list"),
        ({**TENSOR, "parameters": []}, "'parameters' must be an object"),
        (orjson.dumps({"inputs": [TENSOR], "id": 1}), "'id' must be a string"),
        (orjson.dumps({"inputs": [TENSOR], "outputs": [{}]}), "outputs\\[0\\] must be an object with a 'name'"),
    ],
)
def test_a_request_that_is_none_is_refused_by_field(body: bytes | dict[str, object], message: str) -> None:
    raw = body if isinstance(body, bytes) else orjson.dumps({"inputs": [body]})
    with pytest.raises(InvalidInput, match=message):
        v2_json.decode_request(raw, "m")


def test_half_precision_and_bytes_that_are_no_text_have_no_json() -> None:
    half = InferRequest("m", [InferInput("h", [1], "FP16", np.array([1], dtype=np.float16))])
    with pytest.raises(InvalidInput, match="FP16 data via JSON is not supported"):
        v2_json.encode_request(half)
    picture = InferRequest("m", [InferInput("p", [1], "BYTES", [b"\xff"])])
    with pytest.raises(InvalidInput, match="ask for binary"):
        v2_json.encode_request(picture)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["name", "shape", "datatype", "data", "inputs", "id", "outputs"]), inner, max_size=5
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.fixed_dictionaries({"inputs": st.lists(json_values, max_size=2)}) | json_values)
def test_any_json_is_a_request_or_invalid(value: object) -> None:
    try:
        body = orjson.dumps(value)
    except TypeError:
        return  # an integer beyond 64 bits
    with contextlib.suppress(InvalidInput):
        request = v2_json.decode_request(body, "m")
        for tensor in request.inputs:
            tensor.as_numpy()
