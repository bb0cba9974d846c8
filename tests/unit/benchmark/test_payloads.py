"""What is sent, and the comparison of what comes back."""

from __future__ import annotations

import base64
import io
import json

import pytest
from PIL import Image
from tritonclient.grpc import service_pb2

from benchmark import payloads
from benchmark.cells import PICTURE_SIDE
from benchmark.payloads import AnswersDiffer


def test_the_picture_is_the_png_that_the_cells_speak_of() -> None:
    with Image.open(payloads.PICTURE) as picture:
        assert (picture.format, picture.size) == ("PNG", (PICTURE_SIDE, PICTURE_SIDE))


def test_v1_carries_the_picture_as_base64() -> None:
    body = json.loads(payloads.v1(b"picture"))
    assert base64.b64decode(body["instances"][0]["image"]["b64"]) == b"picture"


def test_grpc_carries_the_picture_itself() -> None:
    request = service_pb2.ModelInferRequest.FromString(payloads.v2_grpc(b"\xff\x00", "picture"))
    assert (request.model_name, request.inputs[0].datatype) == ("picture", "BYTES")
    assert list(request.inputs[0].contents.bytes_contents) == [b"\xff\x00"]


def test_both_requests_are_written_as_files(tmp_path) -> None:
    paths = payloads.write(tmp_path, "picture")
    encoded = json.loads(paths["v1"].read_bytes())["instances"][0]["image"]["b64"]
    assert Image.open(io.BytesIO(base64.b64decode(encoded))).size == (PICTURE_SIDE, PICTURE_SIDE)
    assert service_pb2.ModelInferRequest.FromString(paths["grpc"].read_bytes()).id == "1"


def test_answers_that_agree_to_the_fourth_place_are_equal() -> None:
    payloads.check_equal({"modelapi": [1.0, 2.0], "floor": [1.00005, 2.0]})


def test_a_contender_that_answers_otherwise_is_named() -> None:
    with pytest.raises(AnswersDiffer, match=r"floor and modelapi answer differently, by up to 0\.5"):
        payloads.check_equal({"modelapi": [1.0, 2.0], "kserve": [1.0, 2.0], "floor": [1.0, 2.5]})
