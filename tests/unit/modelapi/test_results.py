"""A handler's result as an answer of each protocol."""

import pytest

from modelapi import InferInput, InferOutput, InferRequest, InferResponse
from modelapi.errors import InferenceError
from modelapi.results import v1_answer, v2_answer

REQUEST = InferRequest(
    "m", [InferInput("x", [1], "INT8", [1])], request_id="7", parameters={"binary_data_output": True}
)


def test_a_v2_answer_gets_from_the_request_what_the_handler_left_open() -> None:
    answer = v2_answer(InferResponse(None, "", [InferOutput("y", [1], "INT8", [1])]), REQUEST, "m")
    assert (answer.id, answer.model_name, answer.use_binary_outputs) == ("7", "m", True)


def test_a_dict_of_the_v2_shape_is_a_v2_answer() -> None:
    """KServe fails on a dict without an id."""
    answer = v2_answer({"outputs": [{"name": "y", "shape": [1], "datatype": "INT8", "data": [1]}]}, REQUEST, "m")
    assert answer.outputs[0].as_numpy().tolist() == [1]
    assert answer.id == "7"


def test_the_protobuf_message_is_a_v2_answer() -> None:
    message = InferResponse("1", "m", [InferOutput("y", [1], "INT8", [1])]).to_grpc()
    assert v2_answer(message, REQUEST, "m").id == "1"


@pytest.mark.parametrize("result", [{"predictions": [1]}, [1], None, "text"])
def test_another_result_on_v2_is_an_error_with_the_mend(result: object) -> None:
    with pytest.raises(InferenceError, match="must return an InferResponse"):
        v2_answer(result, REQUEST, "m")


def test_an_answer_without_any_id_gets_a_new_one() -> None:
    request = InferRequest("m", [])
    assert v2_answer(InferResponse(None, "m", []), request, "m").id


def test_a_response_on_v1_is_its_json_object() -> None:
    scores = InferOutput("OUTPUT__0", [2, 2], "FP32", [1.0, 2.0, 3.0, 4.0])
    assert v1_answer({"predictions": [1]}) == {"predictions": [1]}
    assert v1_answer(InferResponse("1", "m", [scores])) == {
        "model_name": "m",
        "model_version": None,
        "id": "1",
        "parameters": None,
        "outputs": [
            {
                "name": "OUTPUT__0",
                "shape": [2, 2],
                "datatype": "FP32",
                "parameters": None,
                "data": [1.0, 2.0, 3.0, 4.0],
            }
        ],
    }
