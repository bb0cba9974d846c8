"""Tensors, requests and responses: contents in every form, zero copies, KServe's methods."""

import numpy as np
import pytest

from modelapi import InferInput, InferOutput, InferRequest, InferResponse
from modelapi.errors import InferenceError, InvalidInput
from modelapi.types import RequestedOutput

MATRIX = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_raw_contents_become_a_read_only_view_without_a_copy() -> None:
    buffer = MATRIX.tobytes()
    array = InferInput("x", [2, 3], "FP32", buffer).as_numpy()
    np.testing.assert_array_equal(array, MATRIX)
    assert not array.flags.writeable
    assert np.shares_memory(array, np.frombuffer(buffer, dtype=np.float32))


def test_values_become_an_array_that_can_be_written() -> None:
    array = InferInput("x", [2, 2], "INT64", [1, 2, 3, 4]).as_numpy()
    assert array.flags.writeable
    assert array.tolist() == [[1, 2], [3, 4]]


def test_an_array_is_handed_back_as_it_is() -> None:
    assert InferInput("x", [2, 3], "FP32", MATRIX).as_numpy() is MATRIX


def test_an_array_set_as_binary_is_not_copied() -> None:
    tensor = InferInput("x", [2, 3], "FP32")
    tensor.set_data_from_numpy(MATRIX)
    assert tensor.parameters["binary_data_size"] == 24
    assert np.shares_memory(tensor.as_numpy(), MATRIX)


def test_an_array_set_as_values_has_no_binary_size() -> None:
    tensor = InferInput("x", [2, 3], "FP32")
    tensor.set_data_from_numpy(MATRIX)
    tensor.set_data_from_numpy(MATRIX, binary_data=False)
    assert "binary_data_size" not in tensor.parameters
    assert tensor.raw is None


@pytest.mark.parametrize("array", [MATRIX.astype(np.float64), MATRIX.reshape(3, 2), [[1.0]]])
def test_an_array_of_another_dtype_or_shape_is_refused(array: object) -> None:
    with pytest.raises(InferenceError):
        InferInput("x", [2, 3], "FP32").set_data_from_numpy(array)  # type: ignore[arg-type]


def test_bytes_tensors_carry_any_bytes() -> None:
    """KServe decodes binary BYTES contents as UTF-8, so that a JPEG fails."""
    picture = bytes(range(256))
    tensor = InferInput("p", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([picture], dtype=object))
    assert tensor.as_numpy().tolist() == [picture]


def test_text_of_nested_bytes() -> None:
    assert InferInput("s", [1, 2], "BYTES", [[b"a", b"b"]]).as_string() == [["a", "b"]]


def test_a_tensor_without_data_says_so() -> None:
    with pytest.raises(InvalidInput, match="'x' has no data"):
        InferInput("x", [1], "FP32").as_numpy()


def test_contents_are_compared_whatever_form_they_have() -> None:
    listed = InferInput("x", [2, 3], "FP32", MATRIX.tolist())
    raw = InferInput("x", [2, 3], "FP32", MATRIX.tobytes())
    assert listed == raw
    assert listed != InferInput("x", [2, 3], "FP32", (MATRIX + 1).tolist())
    assert listed != InferInput("y", [2, 3], "FP32", MATRIX.tolist())
    assert listed != "x"


def test_a_request_with_values_goes_to_rest_as_a_dict_of_lists() -> None:
    request = InferRequest("m", [InferInput("x", [2, 3], "FP32", MATRIX)], request_id="1")
    body, length = request.to_rest()
    assert length is None
    assert body == {
        "id": "1",
        "inputs": [{"name": "x", "shape": [2, 3], "datatype": "FP32", "data": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]}],
    }


def test_a_request_with_raw_contents_goes_to_rest_as_bytes_and_comes_back() -> None:
    tensor = InferInput("x", [2, 3], "FP32")
    tensor.set_data_from_numpy(MATRIX)
    body, length = InferRequest("m", [tensor]).to_rest()
    assert isinstance(body, bytes)
    assert length is not None
    back = InferRequest.from_bytes(body, length, "m")
    assert back.inputs == [tensor]
    assert back.use_binary_outputs


def test_from_grpc_is_a_constructor_on_the_class_and_a_fact_on_the_instance() -> None:
    message = InferRequest("m", [InferInput("x", [2, 3], "FP32", MATRIX)]).to_grpc()
    assert InferRequest.from_grpc(message).from_grpc is True
    assert InferRequest("m", []).from_grpc is False


def test_raw_inputs_are_taken_in_order() -> None:
    request = InferRequest("m", [InferInput("x", [1], "INT8"), InferInput("y", [1], "INT8")], raw_inputs=[b"\1", b"\2"])
    assert [tensor.as_numpy().tolist() for tensor in request.inputs] == [[1], [2]]


def test_tensors_are_found_by_name() -> None:
    tensor = InferInput("x", [1], "INT8", [1])
    assert InferRequest("m", [tensor]).get_input_by_name("x") is tensor
    assert InferRequest("m", [tensor]).get_input_by_name("y") is None
    output = InferOutput("x", [1], "INT8", [1])
    assert InferResponse("1", "m", [output]).get_output_by_name("x") is output


def test_a_response_keeps_its_version_through_binary() -> None:
    """KServe's InferResponse.from_bytes drops it."""
    response = InferResponse("1", "m", [InferOutput("x", [1], "INT8", [1])], model_version="3", use_binary_outputs=True)
    body, length = response.to_rest()
    assert isinstance(body, bytes)
    assert length is not None
    assert InferResponse.from_bytes(body, length).model_version == "3"


def test_a_zero_size_raw_tensor_has_empty_data() -> None:
    """KServe writes null."""
    response = InferResponse("1", "m", [InferOutput("x", [0, 3], "FP32", b"")])
    body, _ = response.to_rest()
    assert isinstance(body, dict)
    assert body["outputs"][0]["data"] == []


def test_requested_outputs_know_their_form() -> None:
    assert RequestedOutput("x", {"binary_data": True}).binary_data is True
    assert RequestedOutput("x").binary_data is None
    assert RequestedOutput("x") == RequestedOutput("x", {})
