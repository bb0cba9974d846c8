import base64
import json
from pathlib import Path

import pytest
from _payload import Payload, PayloadError, read
from tritonclient.grpc.service_pb2 import ModelInferRequest
from tritonclient.utils import deserialize_bytes_tensor

PICTURES = (b"\x89PNG one", b"two")


@pytest.fixture
def payload(tmp_path: Path) -> Payload:
    instances = [{"image": {"b64": base64.b64encode(picture).decode()}} for picture in PICTURES]
    (tmp_path / "input.json").write_text(json.dumps({"instances": instances}, indent=1))
    return read(tmp_path / "input.json")


def test_the_v1_body_is_the_file_byte_for_byte(payload: Payload, tmp_path: Path) -> None:
    request = payload.v1("mnist")
    assert request.path == "/v1/models/mnist:predict"
    assert request.body == (tmp_path / "input.json").read_bytes()


def test_v2_json_holds_the_pictures_as_text(payload: Payload) -> None:
    request = payload.v2_json("mnist")
    assert request.path == "/v2/models/mnist/infer"
    (tensor,) = json.loads(request.body)["inputs"]
    assert (tensor["datatype"], tensor["shape"]) == ("BYTES", [2])
    assert tuple(base64.b64decode(text) for text in tensor["data"]) == PICTURES


def test_v2_binary_holds_the_pictures_after_a_header_of_the_length_it_says(payload: Payload) -> None:
    request = payload.v2_binary("mnist")
    length = int(request.headers["Inference-Header-Content-Length"])
    head = json.loads(request.body[:length])
    assert head["inputs"][0]["parameters"]["binary_data_size"] == len(request.body) - length
    assert tuple(deserialize_bytes_tensor(request.body[length:])) == PICTURES


def test_grpc_holds_the_pictures_as_raw_contents(payload: Payload) -> None:
    message = ModelInferRequest.FromString(payload.v2_grpc("mnist").body)
    assert message.model_name == "mnist"
    assert (message.inputs[0].datatype, list(message.inputs[0].shape)) == ("BYTES", [2])
    assert tuple(deserialize_bytes_tensor(message.raw_input_contents[0])) == PICTURES


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "Cannot read the input"),
        ("{", "is not JSON"),
        ("[]", "is not a V1 body"),
        ('{"instances": []}', "is not a V1 body"),
        ('{"inputs": []}', "is not a V1 body"),
        ('{"instances": [{"image": {"b64": "?"}}]}', "is not base64"),
    ],
)
def test_a_file_that_is_no_input_is_named(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "input.json").write_text(text)
    with pytest.raises(PayloadError, match=said):
        read(tmp_path / "input.json")


@pytest.mark.parametrize("instance", [[1, 2], {"image": "x"}, {"data": {"b64": "eA=="}}, "x"])
def test_instances_without_pictures_serve_v1_alone(tmp_path: Path, instance: object) -> None:
    (tmp_path / "input.json").write_text(json.dumps({"instances": [instance]}))
    payload = read(tmp_path / "input.json")
    assert payload.v1("m").body
    for form in (payload.v2_json, payload.v2_binary, payload.v2_grpc):
        with pytest.raises(PayloadError, match="run the V1Rest user alone"):
            form("m")
