"""The image transformer, with a scripted predictor in place of a real one: no sockets."""

import base64
import importlib.util
import io
import struct
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from modelapi import InferInput, InferOutput, InferRequest, InferResponse, PredictorConfig
from modelapi.errors import InferenceError, InvalidInput
from modelapi.predictors.fake import FakePredictor

SOURCE = Path(__file__).parents[3] / "transformer" / "model.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("image_transformer", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


model = load()


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 30), kind: str = "PNG", seed: int = 0) -> bytes:
    channels = {"L": 1, "RGB": 3, "RGBA": 4}[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], channels), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(buffer, kind)
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims a size."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"")))
    written = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def b64(file: bytes) -> str:
    return base64.b64encode(file).decode()


def v1_body(*files: bytes) -> dict[str, Any]:
    return {"instances": [{"image": {"b64": b64(file)}} for file in files]}


def v2_request(*elements: bytes | str, datatype: str = "BYTES") -> InferRequest:
    tensor = InferInput("IMAGE", [len(elements)], datatype, list(elements))
    return InferRequest("cifar10", [tensor], request_id="7")


def scores(payload: InferRequest) -> InferResponse:
    """Ten scores for each picture, under another model's name and without an id."""
    rows = payload.inputs[0].shape[0]
    output = InferOutput("OUTPUT__0", [rows, 10], "FP32")
    output.set_data_from_numpy(np.arange(rows * 10, dtype=np.float32).reshape(rows, 10))
    return InferResponse(None, "other", [output])


def transformer(name: str, protocol: str, *script: Any) -> tuple[Any, FakePredictor]:
    fake = FakePredictor(*script)
    made = model.ImageTransformer(name)
    made.bind(PredictorConfig("predictor:8080", protocol), lambda _config: fake)
    return made, fake


V1_ANSWER = {"predictions": [2]}


async def test_v1_in_and_v1_hop_send_channels_first_lists_and_return_the_predictions() -> None:
    made, fake = transformer("mnist", "v1", V1_ANSWER)
    assert await made(v1_body(picture("L", (28, 28)))) == {"predictions": [2]}
    sent = fake.calls[0].payload
    assert list(sent) == ["instances"]
    assert np.array(sent["instances"][0]["data"]).shape == (1, 28, 28)


@pytest.mark.parametrize("protocol", ["v2", "grpc-v2"])
async def test_v1_in_and_v2_hop_send_a_float32_tensor_and_return_predictions(protocol: str) -> None:
    made, fake = transformer("cifar10", protocol, scores)
    answer = await made(v1_body(picture(), picture()))
    assert answer == {"predictions": [[float(n) for n in range(10)], [float(n) for n in range(10, 20)]]}
    sent = fake.calls[0].payload
    tensor = sent.inputs[0]
    assert (sent.model_name, tensor.name, tensor.datatype, tensor.shape) == (
        "cifar10",
        "INPUT__0",
        "FP32",
        [2, 3, 32, 32],
    )
    assert tensor.as_numpy().dtype == np.float32


@pytest.mark.parametrize("element", [picture(), b64(picture()), b64(picture()).encode()], ids=["raw", "text", "bytes"])
async def test_v2_in_takes_the_file_itself_or_base64_and_keeps_the_id(element: bytes | str) -> None:
    made, fake = transformer("cifar10", "grpc-v2", scores)
    answer = await made(v2_request(element))
    assert (answer.id, answer.model_name) == ("7", "cifar10")
    assert answer.outputs[0].as_numpy().shape == (1, 10)
    np.testing.assert_array_equal(fake.calls[0].payload.inputs[0].as_numpy()[0], made.tensor(picture(), "it"))


@pytest.mark.parametrize(
    ("predictions", "datatype"), [([2], "INT64"), ([[0.25, 0.75]], "FP32")], ids=["classes", "scores"]
)
async def test_v2_in_and_v1_hop_answer_with_a_tensor_of_the_predictions(predictions: list[Any], datatype: str) -> None:
    made, fake = transformer("mnist", "v1", {"predictions": predictions})
    answer = await made(v2_request(picture()))
    assert isinstance(fake.calls[0].payload, dict)
    assert (answer.id, answer.model_name, answer.outputs[0].datatype) == ("7", "mnist", datatype)
    assert answer.outputs[0].as_numpy().tolist() == predictions


async def test_a_v2_request_without_an_id_gets_one() -> None:
    made, fake = transformer("mnist", "grpc-v2", scores)
    request = v2_request(picture())
    request.id = None
    answer = await made(request)
    assert answer.id
    assert fake.calls[0].payload.id == answer.id


async def test_a_caller_cannot_pretend_to_have_asked_in_v2() -> None:
    made, _ = transformer("mnist", "v1", V1_ANSWER)
    assert await made(v1_body(picture()), {model.V2_ID: "7"}) == V1_ANSWER


def test_pixels_are_normalized_as_the_models_were_trained() -> None:
    black, white = Image.new("L", (28, 28), 0), Image.new("L", (28, 28), 255)
    for image, expected in ((black, -0.1307 / 0.3081), (white, (1 - 0.1307) / 0.3081)):
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        tensor = model.ImageTransformer("mnist").tensor(buffer.getvalue(), "it")
        assert (tensor.shape, tensor.dtype) == ((1, 28, 28), np.float32)
        np.testing.assert_allclose(tensor, expected, rtol=1e-6)


def test_channels_come_first_and_in_the_order_red_green_blue() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), (255, 0, 0)).save(buffer, "PNG")
    red, green, blue = model.ImageTransformer("cifar10").tensor(buffer.getvalue(), "it")
    assert red.min() > 2
    assert green.max() < 0
    assert blue.max() < 0


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "GIF"])
def test_any_mode_and_size_of_a_known_format_is_taken(mode: str, kind: str) -> None:
    assert model.ImageTransformer("cifar10").tensor(picture(mode, (7, 90), kind), "it").shape == (3, 32, 32)


def test_a_jpeg_is_taken() -> None:
    assert model.ImageTransformer("mnist").tensor(picture(kind="JPEG"), "it").shape == (1, 28, 28)


def test_base64_may_be_wrapped_in_lines() -> None:
    wrapped = base64.encodebytes(picture()).decode()
    assert model.from_base64(wrapped) == picture()


GOOD = {"image": {"b64": b64(picture())}}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, 'Expected "instances"'),
        ({"instances": []}, 'Expected "instances"'),
        ({"instances": {"image": {}}}, 'Expected "instances"'),
        ({"inputs": [1]}, 'Expected "instances"'),
        ([1, 2], 'Expected "instances"'),
        (b"raw", 'Expected "instances"'),
        ({"instances": ["text"]}, r"instances\[0\]\.image\.b64 is missing"),
        ({"instances": [GOOD, {}]}, r"instances\[1\]\.image\.b64 is missing"),
        ({"instances": [{"image": "text"}]}, r"instances\[0\]\.image\.b64 is missing"),
        ({"instances": [{"image": {"b64": None}}]}, r"instances\[0\]\.image\.b64 is missing"),
        ({"instances": [GOOD, {"image": {"b64": "%%%"}}]}, r"instances\[1\]\.image\.b64 is no base64"),
        ({"instances": [{"image": {"b64": "data:image/png;base64,aGk="}}]}, "without a prefix"),
        ({"instances": [{"image": {"b64": "ä"}}]}, "is no base64"),
        ({"instances": [GOOD, GOOD, {"image": {"b64": b64(b"hello")}}]}, r"instances\[2\].* is no picture"),
        ({"instances": [{"image": {"b64": ""}}]}, r"instances\[0\].* is no picture"),
        (v1_body(picture()[:200]), "is no picture that can be read"),
        (v1_body(bomb(60_000, 60_000)), "too many pixels"),
        (v1_body(bomb(5_001, 5_000)), "too many pixels"),
        (v1_body(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "is no picture"),
    ],
)
async def test_a_bad_v1_body_is_refused_with_its_place(body: Any, message: str) -> None:
    made, fake = transformer("cifar10", "v1", V1_ANSWER)
    with pytest.raises(InvalidInput, match=message):
        await made(body)
    assert fake.calls == []


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (v2_request(1.0, 2.0, datatype="FP32"), r"Expected one BYTES tensor.*IMAGE FP32 \[2\]"),  # type: ignore[arg-type]
        (InferRequest("m", []), "the inputs are: none"),
        (InferRequest("m", [*v2_request("a").inputs, *v2_request("b").inputs]), "Expected one BYTES tensor"),
        (v2_request(), "'IMAGE' holds no picture"),
        (v2_request(picture(), b"hello world"), r"IMAGE\[1\] is no picture"),
        (v2_request(b""), r"IMAGE\[0\] is no picture"),
        (v2_request(picture()[:100]), r"IMAGE\[0\] is no picture"),
        (InferRequest("m", [InferInput("IMAGE", [3], "BYTES", ["a"])]), "holds 3"),
    ],
)
async def test_a_bad_v2_request_is_refused_with_its_place(request_: InferRequest, message: str) -> None:
    made, fake = transformer("cifar10", "grpc-v2", scores)
    with pytest.raises(InvalidInput, match=message):
        await made(request_)
    assert fake.calls == []


@pytest.mark.parametrize("answer", [{}, {"predictions": [{"label": "cat"}]}, {"predictions": [[1], [1, 2]]}, "text"])
async def test_a_v1_answer_that_is_no_tensor_is_the_predictors_fault(answer: Any) -> None:
    made, _ = transformer("mnist", "v1", answer)
    with pytest.raises(InferenceError, match="predictions"):
        await made(v2_request(picture()))


def test_a_model_of_unknown_input_size_is_named() -> None:
    with pytest.raises(ValueError, match=r"no picture size for 'resnet'.*mnist, cifar10"):
        model.ImageTransformer("resnet")


def test_it_imports_nothing_but_the_public_names_of_the_api() -> None:
    """So that `sed s/modelapi/kserve/` is all it takes to run it on KServe's SDK."""
    lines = [line for line in SOURCE.read_text().splitlines() if "modelapi" in line and "import" in line]
    assert [line.split(" import ")[0] for line in lines if line.startswith("from")] == [
        "from modelapi",
        "from modelapi.errors",
    ]
