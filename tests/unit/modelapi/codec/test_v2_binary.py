"""The binary extension: golden bytes, round trips, bodies whose lengths lie."""

import contextlib

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelapi import InferInput, InferOutput, InferRequest, InferResponse
from modelapi.codec import v2_binary
from modelapi.errors import InvalidInput
from modelapi.types import RequestedOutput

ARRAY = np.array([1, 2], dtype=np.float32)


def joined(encoded: v2_binary.Encoded) -> bytes:
    return b"".join(encoded.chunks)


def body_of(*tensors: dict[str, object], binary: bytes = b"") -> tuple[bytes, int]:
    head = orjson.dumps({"inputs": list(tensors)})
    return head + binary, len(head)


def tensor(size: object = 8, **changes: object) -> dict[str, object]:
    return {"name": "x", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": size}, **changes}


def test_an_answer_is_its_json_and_then_its_bytes() -> None:
    response = InferResponse("1", "m", [InferOutput("y", [2], "FP32", ARRAY)], use_binary_outputs=True)
    encoded = v2_binary.encode_response(response)
    head = (
        b'{"id":"1","model_name":"m","model_version":null,"outputs":[{"name":"y","shape":[2],"datatype":"FP32",'
        b'"parameters":{"binary_data_size":8}}]}'
    )
    assert joined(encoded) == head + ARRAY.tobytes()
    assert encoded.json_length == len(head)
    assert encoded.length == len(head) + 8


def test_a_request_survives_the_round_trip_as_views_of_the_body() -> None:
    request = InferRequest(
        "m",
        [InferInput("x", [2], "FP32", ARRAY), InferInput("s", [2], "BYTES", [b"\xff\xd8", "é"])],
        request_id="1",
        request_outputs=[RequestedOutput("y", {"binary_data": True})],
    )
    encoded = v2_binary.encode_request(request)
    body = joined(encoded)
    back = v2_binary.decode_request(body, encoded.json_length, "m")
    assert back.inputs[1].as_numpy().tolist() == [b"\xff\xd8", "é".encode()]
    array = back.inputs[0].as_numpy()
    np.testing.assert_array_equal(array, ARRAY)
    assert np.shares_memory(array, np.frombuffer(body, dtype=np.uint8))
    assert (back.id, back.request_outputs) == ("1", request.request_outputs)


def test_a_request_without_named_outputs_asks_for_binary_ones() -> None:
    encoded = v2_binary.encode_request(InferRequest("m", [InferInput("x", [2], "FP32", ARRAY)]))
    assert orjson.loads(encoded.chunks[0])["parameters"] == {"binary_data_output": True}


def test_half_precision_travels_in_binary() -> None:
    half = np.array([0.5], dtype=np.float16)
    encoded = v2_binary.encode_request(InferRequest("m", [InferInput("h", [1], "FP16", half)]))
    back = v2_binary.decode_request(joined(encoded), encoded.json_length, "m")
    assert back.inputs[0].as_numpy().tolist() == [0.5]


@pytest.mark.parametrize(
    ("everything", "own", "binary"),
    [(True, None, True), (True, False, False), (False, True, True), (False, None, False)],
)
def test_an_outputs_own_wish_wins_over_that_for_all(everything: bool, own: bool | None, binary: bool) -> None:
    parameters = {} if own is None else {"binary_data": own}
    response = InferResponse(
        "1",
        "m",
        [InferOutput("y", [2], "FP32", ARRAY)],
        use_binary_outputs=everything,
        requested_outputs=[RequestedOutput("y", parameters)],
    )
    output = orjson.loads(v2_binary.encode_response(response).chunks[0])["outputs"][0]
    assert ("data" not in output) is binary


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (body_of(tensor(), binary=b"1234"), "binary_data_size is 8, and 4 bytes are left"),
        (body_of(tensor(), binary=b"123456789"), "1 bytes at the end of the body belong to no tensor"),
        (body_of(tensor(4), binary=b"1234"), "takes 8 bytes"),
        (body_of(tensor("8"), binary=b"12345678"), "must be an integer"),
        (body_of(tensor(-1)), "not negative"),
        (body_of(tensor(data=[1, 2]), binary=b"12345678"), "both 'data' and binary_data_size"),
        (body_of(tensor(parameters={})), "'data' field is missing"),
        (body_of(), "'inputs' is empty"),
        ((b'{"x":1}', 7), "'inputs' is missing"),
        ((b'{"x":1}', 3), "Unrecognized request format"),
        ((b"{}", 99), "is 99, and the body has 2 bytes"),
        ((b"{}", -1), "is -1"),
    ],
)
def test_a_body_whose_lengths_lie_is_refused(case: tuple[bytes, int], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        v2_binary.decode_request(*case, "m")


@given(st.data())
def test_a_mutated_body_is_a_request_or_invalid(data: st.DataObject) -> None:
    encoded = v2_binary.encode_request(
        InferRequest("m", [InferInput("x", [2], "FP32", ARRAY), InferInput("s", [1], "BYTES", [b"ab"])])
    )
    body = bytearray(joined(encoded))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    with contextlib.suppress(InvalidInput):
        request = v2_binary.decode_request(bytes(body[:cut]), encoded.json_length, "m")
        for entry in request.inputs:
            entry.as_numpy()
