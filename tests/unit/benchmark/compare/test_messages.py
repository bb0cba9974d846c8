"""The same request in four ways."""

import json

import numpy as np
import pytest
from tritonclient.grpc.service_pb2 import ModelInferRequest, ModelInferResponse

from benchmark.compare import messages
from benchmark.compare.arms import ARMS, ArmName
from benchmark.compare.ground import shape
from benchmark.compare.plan import PlanError, parse_sizes
from benchmark.compare.statistics import Counted, mean_ms, of_metrics, of_triton, told
from benchmark.compare.tap import protocol

VALUES = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2)
WIRES: list[ArmName] = [arm.wire for arm in ARMS]


def test_a_tensor_is_the_same_in_every_arm() -> None:
    sent = {wire: messages.tensor(wire, VALUES, "m").body for wire in WIRES}
    assert np.asarray(json.loads(sent["v1"])["instances"][0]["data"]).tolist() == VALUES[0].tolist()
    assert json.loads(sent["v2-json"])["inputs"][0]["data"] == VALUES.ravel().tolist()
    assert sent["v2-binary"].endswith(VALUES.tobytes())
    assert ModelInferRequest.FromString(sent["grpc"]).raw_input_contents[0] == VALUES.tobytes()


def test_the_binary_header_says_how_long_the_json_is() -> None:
    message = messages.picture("v2-binary", b"\x89PNG", "m")
    head = json.loads(message.body[: int(message.headers["Inference-Header-Content-Length"])])
    assert head["inputs"][0]["parameters"]["binary_data_size"] == 8


@pytest.mark.parametrize(
    ("wire", "body", "length"),
    [
        ("v1", b'{"predictions": [[1, 2]]}', ""),
        ("v2-json", b'{"outputs": [{"datatype": "FP32", "data": [1, 2]}]}', ""),
        ("v2-binary", b'{"outputs": [{"datatype": "FP32"}]}' + np.float32([1, 2]).tobytes(), "35"),
        (
            "grpc",
            ModelInferResponse(
                outputs=[ModelInferResponse.InferOutputTensor(datatype="FP32")],
                raw_output_contents=[np.float32([1, 2]).tobytes()],
            ).SerializeToString(),
            "",
        ),
    ],
)
def test_the_numbers_of_an_answer_are_read_in_every_arm(wire: ArmName, body: bytes, length: str) -> None:
    assert messages.numbers(wire, body, length).tolist() == [1, 2]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("body", [b"", b"404 page not found", b"{}", b'{"predictions": []}'])
def test_an_answer_without_numbers_is_said(wire: ArmName, body: bytes) -> None:
    with pytest.raises(messages.AnswerUnreadable, match="no numbers"):
        messages.numbers(wire, body)


@pytest.mark.parametrize(
    ("head", "spoken"),
    [
        (b"PRI * HTTP/2.0\r\n\r\nSM", "grpc"),
        (b"POST /v1/models/m:predict HTTP/1.1\r\n", "v1"),
        (b"POST /v2/models/m/infer HTTP/1.1\r\nInference-Header-Content-Length: 9\r\n", "v2-binary"),
        (b"POST /v2/models/m/infer HTTP/1.1\r\nhost: x\r\n", "v2-json"),
        (b"GET /v2/health/ready HTTP/1.1\r\n", None),
    ],
)
def test_the_protocol_is_seen_on_the_wire(head: bytes, spoken: str | None) -> None:
    assert protocol(head) == spoken


@pytest.mark.parametrize(
    ("text", "sizes"),
    [("16B..1KB", (16, 64, 256, 1024)), ("4MB,1KB", (1024, 4 << 20)), ("12288", (12288,)), ("100..200", (100, 200))],
)
def test_payload_sizes_are_read(text: str, sizes: tuple[int, ...]) -> None:
    assert parse_sizes(text) == sizes


@pytest.mark.parametrize("text", ["", "big", "4MB..1KB", "1GB", "4B", "64MB"])
def test_payload_sizes_that_make_no_sense_are_said(text: str) -> None:
    with pytest.raises(PlanError, match="--payload-sizes"):
        parse_sizes(text)


@pytest.mark.parametrize("size", [12, 48, 1000, 12288, 602112, 4 << 20])
def test_a_tensor_has_about_the_size_that_was_asked_for(size: int) -> None:
    assert abs(np.prod(shape(size)) * 4 - size) <= 6


def test_only_complete_timings_count() -> None:
    header = "preprocess;dur=1.5, predict;dur=2, postprocess;dur=0.25"
    (row,) = told([header, "", "predict;dur=2"])
    assert row[1:4].tolist() == [1.5, 2, 0.25]
    assert np.isnan(row[[0, 4]]).all()
    assert told([f"decode;dur=0.5, {header}, encode;dur=0.125"]).tolist() == [[0.5, 1.5, 2, 0.25, 0.125]]


def test_a_predictor_tells_its_time() -> None:
    page = 'request_predict_seconds_sum{model_name="m"} 2.0\nrequest_predict_seconds_count{model_name="m"} 4.0\n'
    assert of_metrics(page, "m") == Counted((0, 2.0, 0), 4)
    assert of_metrics(page, "other") is None
    steps = {"queue": 1, "compute_input": 2, "compute_infer": 3, "compute_output": 4}
    count = {name: {"ns": seconds * 1_000_000_000} for name, seconds in steps.items()}
    triton = {"model_stats": [{"inference_stats": {"success": {"count": 2}, **count}}]}
    assert of_triton(json.dumps(triton)) == Counted((3.0, 3.0, 4.0), 2)
    assert of_triton("{}") is None
    assert mean_ms(Counted((0, 1, 0), 2), Counted((1, 3, 0), 4)) == (500, 1000, 0)
    assert mean_ms(Counted((0, 1, 0), 2), Counted((0, 1, 0), 2)) is None
