import pytest
from _checks import grpc_fault, rest_fault
from tritonclient.grpc.service_pb2 import InferTensorContents, ModelInferResponse

OUTPUT = ModelInferResponse.InferOutputTensor(name="y", datatype="INT64", shape=[1])
WITH_CONTENTS = ModelInferResponse.InferOutputTensor(
    name="y", datatype="INT64", shape=[1], contents=InferTensorContents(int64_contents=[2])
)


@pytest.mark.parametrize(
    ("body", "length"),
    [(b'{"predictions":[2]}', None), (b'{"outputs":[{}]}', None), (b'{"outputs":[{}]}\x02\xff\x00', "16")],
)
def test_an_answer_with_predictions_counts(body: bytes, length: str | None) -> None:
    assert rest_fault(200, body, length) is None


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, b'{"error":"no\n model"}', '404: {"error":"no model"}'),
        (500, b"", "500: no body"),
        (200, b"<html>", "no JSON: <html>"),
        (200, b"[]", "no JSON object"),
        (200, b'{"predictions":[]}', "no predictions"),
        (200, b'{"error":"x"}', "no predictions"),
    ],
)
def test_another_answer_is_a_failure_that_shows_it(status: int, body: bytes, said: str) -> None:
    assert said in (rest_fault(status, body, None) or "")


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (ModelInferResponse(outputs=[OUTPUT], raw_output_contents=[bytes(8)]), None),
        (ModelInferResponse(outputs=[WITH_CONTENTS]), None),
        (ModelInferResponse(), "OK, and no outputs"),
        (ModelInferResponse(outputs=[OUTPUT]), "OK, and outputs without contents"),
        (ModelInferResponse(outputs=[OUTPUT], raw_output_contents=[b"", b""]), "OK, and outputs without contents"),
    ],
)
def test_a_grpc_answer_counts_if_it_has_outputs(message: ModelInferResponse, fault: str | None) -> None:
    assert grpc_fault(message.SerializeToString()) == fault


def test_bytes_that_are_no_message_are_a_failure() -> None:
    assert grpc_fault(b"\xff\xff") == "OK, and no ModelInferResponse"
