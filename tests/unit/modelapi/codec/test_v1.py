"""V1 bodies."""

import numpy as np
import pytest

from modelapi import InferOutput, InferResponse
from modelapi.codec import v1
from modelapi.errors import InferenceError, InvalidInput


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"nope", b"{'a': 1}"])
def test_a_body_that_is_no_json_is_invalid(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="Unrecognized request format"):
        v1.decode(body)


@pytest.mark.parametrize("value", [{"instances": [1]}, [1, 2], "text", None])
def test_any_json_value_is_a_payload(value: object) -> None:
    assert v1.decode(v1.encode(value)) == value


def test_arrays_and_numpy_scalars_are_json() -> None:
    matrix = np.array([[1, 2], [3, 4]], dtype=np.float32)
    value = {"a": matrix, "b": matrix.T, "c": np.int64(7), "d": b"text", "e": np.array(["x"])}
    assert v1.encode(value) == b'{"a":[[1.0,2.0],[3.0,4.0]],"b":[[1.0,3.0],[2.0,4.0]],"c":7,"d":"text","e":["x"]}'


def test_keys_that_are_no_strings_are_written_as_such() -> None:
    assert v1.encode({1: 2}) == b'{"1":2}'


def test_a_v2_response_inside_is_its_object() -> None:
    response = InferResponse("1", "m", [InferOutput("x", [1], "INT8", [1])])
    assert b'"model_name":"m"' in v1.encode({"r": response})


@pytest.mark.parametrize("value", [object(), {"a": b"\xff"}, {"a": complex(1, 2)}])
def test_a_result_that_is_no_json_is_the_models_error(value: object) -> None:
    with pytest.raises(InferenceError, match="no JSON"):
        v1.encode(value)
