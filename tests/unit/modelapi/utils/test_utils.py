"""Reading payloads and writing answers as predictors for KServe do."""

import numpy as np
import orjson
import pytest

from modelapi import InferInput, InferRequest, InferResponse, model, utils
from modelapi.errors import InvalidInput
from modelapi.utils import numpy_codec
from modelapi.utils.utils import cpu_count, generate_uuid, get_predict_input, get_predict_response, is_v1, is_v2

REQUEST = InferRequest("m", [InferInput("x", [2], "FP32", [1, 2])], request_id="7")


@pytest.mark.parametrize("field", ["instances", "inputs"])
def test_rows_become_an_array(field: str) -> None:
    assert get_predict_input({field: [[1, 2], [3, 4]]}).tolist() == [[1, 2], [3, 4]]


def test_the_first_tensor_is_the_input_and_bytes_are_text() -> None:
    assert get_predict_input(REQUEST).tolist() == [1.0, 2.0]
    assert get_predict_input(InferRequest("m", [InferInput("s", [1], "BYTES", [b"a"])])) == ["a"]
    assert get_predict_input({"instances": ["a", "b"]}) == ["a", "b"]


def test_bytes_that_are_no_text_stay_bytes() -> None:
    """KServe decodes every binary BYTES tensor as UTF-8, and fails for a picture."""
    assert get_predict_input(InferRequest("m", [InferInput("s", [1], "BYTES", [b"\xff"])])).tolist() == [b"\xff"]


@pytest.mark.parametrize("payload", [{}, {"instances": 5}, {"instances": [[1], [1, 2]]}, InferRequest("m", [])])
def test_a_payload_without_rows_is_invalid(payload: object) -> None:
    """KServe answers an empty list of inputs with an IndexError."""
    with pytest.raises(InvalidInput):
        get_predict_input(payload)  # type: ignore[arg-type]


def test_the_answer_is_in_the_payloads_protocol() -> None:
    result = np.array([[1, 2]], dtype=np.int64)
    assert get_predict_response({"instances": []}, result, "m") == {"predictions": [[1, 2]]}
    response = get_predict_response(REQUEST, result, "m")
    assert isinstance(response, InferResponse)
    output = response.outputs[0]
    assert (response.id, output.name, output.datatype, output.shape) == ("7", "output-0", "INT64", [1, 2])


def test_texts_are_answered_as_bytes() -> None:
    response = get_predict_response(REQUEST, ["a", "bc"], "m")
    assert isinstance(response, InferResponse)
    assert response.to_dict()["outputs"][0]["data"] == ["a", "bc"]


def test_protocols_are_told_apart() -> None:
    assert is_v1("v1")
    assert is_v2("V2")
    assert not is_v2("grpc-v2")
    assert model.is_v2("v2")


def test_truth_values_are_kserves() -> None:
    assert utils.strtobool("On")
    assert not utils.strtobool("n")
    with pytest.raises(ValueError, match="maybe"):
        utils.strtobool("maybe")


def test_ids_differ_and_cpus_are_counted() -> None:
    assert generate_uuid() != generate_uuid()
    assert cpu_count() >= 1


def test_datatypes_without_a_dtype_are_none() -> None:
    assert numpy_codec.to_np_dtype("BF16") is None
    assert numpy_codec.from_np_dtype(np.complex64) is None
    assert numpy_codec.from_np_dtype(numpy_codec.to_np_dtype("FP16")) == "FP16"


def test_outside_of_a_cluster_the_namespace_is_default() -> None:
    assert not utils.is_running_in_k8s()
    assert utils.get_default_target_namespace() == "default"


def test_a_structured_event_is_told_by_its_fields() -> None:
    event = dict.fromkeys(["time", "type", "source", "id", "specversion", "data"], "x")
    assert utils.is_structured_cloudevent(event)
    assert not utils.is_structured_cloudevent({"data": {}})


@pytest.mark.parametrize("binary", [True, False])
def test_an_answers_event_is_kserves(binary: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CE_MERGE", "true")
    monkeypatch.setenv("CE_TYPE", "answer")
    asked = {"specversion": "1.0", "id": "1", "source": "here", "type": "ask", "time": "then", "tenant": "blue"}
    headers, body = utils.create_response_cloudevent("m", {"predictions": []}, asked, binary)
    told = {name.removeprefix("ce-"): value for name, value in headers.items()} if binary else orjson.loads(body)
    assert (told["type"], told["source"], told["tenant"]) == ("answer", "io.kserve.inference.m", "blue")
    assert told["id"] != "1"
    assert told["time"] != "then"
