"""Reading payloads and writing answers as predictors for KServe do."""

import numpy as np
import pytest

from modelapi import InferInput, InferRequest, InferResponse, utils
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


def test_protocols_are_told_apart() -> None:
    assert is_v1("v1")
    assert is_v2("v2")
    assert not is_v2("grpc-v2")


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
