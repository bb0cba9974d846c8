"""gRPC messages: raw and typed contents, parameters, and tritonclient's own tensors as witness."""

import contextlib

import numpy as np
import pytest
import tritonclient.grpc as triton
from hypothesis import given
from hypothesis import strategies as st

from modelapi import InferInput, InferOutput, InferRequest, InferResponse
from modelapi.codec import v2_grpc
from modelapi.errors import InvalidInput
from modelapi.types import RequestedOutput

ARRAY = np.array([[1, 2, 3]], dtype=np.float32)


def test_a_request_goes_out_raw() -> None:
    message = v2_grpc.encode_request(InferRequest("m", [InferInput("x", [1, 3], "FP32", ARRAY)], request_id="1"))
    assert message.raw_input_contents == [ARRAY.tobytes()]
    assert (message.model_name, message.id, message.inputs[0].shape) == ("m", "1", [1, 3])


def test_tritonclients_tensors_are_understood() -> None:
    theirs = triton.InferInput("x", [1, 3], "FP32")
    theirs.set_data_from_numpy(ARRAY)
    message = v2_grpc.ModelInferRequest(model_name="m")
    message.inputs.append(theirs._get_tensor())
    message.raw_input_contents.append(theirs._get_content())
    np.testing.assert_array_equal(v2_grpc.decode_request(message).inputs[0].as_numpy(), ARRAY)


def test_a_request_survives_the_round_trip() -> None:
    request = InferRequest(
        "m",
        [
            InferInput("x", [1, 3], "FP32", ARRAY, {"a": 1, "b": True, "c": "t", "d": 0.5}),
            InferInput("s", [1], "BYTES", [b"\xff"]),
        ],
        request_id="1",
        parameters={"p": "q"},
        request_outputs=[RequestedOutput("y")],
    )
    back = v2_grpc.decode_request(v2_grpc.encode_request(request))
    assert back == request
    assert back.parameters == {"p": "q"}


@pytest.mark.parametrize(
    ("datatype", "values"),
    [("FP32", [1.5]), ("FP64", [2.5]), ("INT8", [-1]), ("UINT16", [7]), ("INT64", [2**40]), ("UINT64", [2**63]),
     ("BOOL", [True]), ("BYTES", [b"\xff"])],
)  # fmt: skip
def test_typed_contents_come_in_and_go_out_typed(datatype: str, values: list[object]) -> None:
    answer = v2_grpc.encode_response(InferResponse("1", "m", [InferOutput("y", [1], datatype, values)]), raw=False)
    assert not answer.raw_output_contents
    tensor = v2_grpc.decode_response(answer).outputs[0]
    assert tensor.as_numpy().tolist() == values


def test_half_precision_goes_raw_whatever_came_in() -> None:
    half = InferOutput("y", [1], "FP16", np.array([0.5], dtype=np.float16))
    answer = v2_grpc.encode_response(InferResponse("1", "m", [half]), raw=False)
    assert len(answer.raw_output_contents) == 1


def test_requested_outputs_choose() -> None:
    outputs = [InferOutput(name, [1], "INT8", [1]) for name in "ab"]
    answer = v2_grpc.encode_response(InferResponse("1", "m", outputs, requested_outputs=[RequestedOutput("b")]))
    assert [output.name for output in answer.outputs] == ["b"]


def message_with(**changes: object) -> object:
    tensor = {"name": "x", "shape": [1], "datatype": "FP32", **changes}
    return v2_grpc.ModelInferRequest(model_name="m", inputs=[tensor])


def test_messages_that_contradict_themselves_are_refused() -> None:
    contents = v2_grpc.InferTensorContents(fp32_contents=[1])
    both = message_with(contents=contents)
    both.raw_input_contents.append(b"1234")  # type: ignore[attr-defined]
    with pytest.raises(InvalidInput, match="send one of them"):
        v2_grpc.decode_request(both)
    two = message_with()
    two.raw_input_contents.extend([b"1234", b"1234"])  # type: ignore[attr-defined]
    with pytest.raises(InvalidInput, match="2 raw contents for 1 inputs"):
        v2_grpc.decode_request(two)
    with pytest.raises(InvalidInput, match="negative"):
        v2_grpc.decode_request(message_with(shape=[-1]))
    with pytest.raises(InvalidInput, match="invalid datatype 'BF16'"):
        v2_grpc.decode_request(message_with(datatype="BF16"))
    with pytest.raises(InvalidInput, match="FP16 has no typed contents"):
        v2_grpc.decode_request(message_with(datatype="FP16"))


def test_a_parameter_that_has_no_form_is_refused() -> None:
    with pytest.raises(InvalidInput, match="parameter 'k'"):
        v2_grpc.to_parameter("k", [1])


@given(
    st.binary(max_size=80), st.lists(st.integers(-2, 5), max_size=3), st.sampled_from(["FP32", "BYTES", "INT8", "X"])
)
def test_any_message_is_a_request_or_invalid(raw: bytes, shape: list[int], datatype: str) -> None:
    message = message_with(shape=shape, datatype=datatype)
    message.raw_input_contents.append(raw)  # type: ignore[attr-defined]
    with contextlib.suppress(InvalidInput):
        v2_grpc.decode_request(message).inputs[0].as_numpy()
