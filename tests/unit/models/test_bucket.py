"""The committed sample models do what models/README.md says of them; nothing is downloaded."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import onnxruntime
import pytest
from google.protobuf import text_format
from PIL import Image
from tritonclient.grpc import model_config_pb2

from models import archive, cifar10, digits

ROOT = Path(__file__).parents[3]
MODELS = ROOT / "models"
TORCHSERVE = MODELS / "bucket/models/torchserve/image_classifier/v1"
TRITON = MODELS / "bucket/models/torchscript/cifar10"


def session(model: bytes | str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def mnist() -> onnxruntime.InferenceSession:
    with ZipFile(TORCHSERVE / "model-store/mnist.mar") as mar:
        return session(mar.read("mnist.onnx"))


@pytest.fixture(scope="module")
def cifar() -> onnxruntime.InferenceSession:
    return session(str(TRITON / "1/model.onnx"))


def picture_of(path: Path) -> Image.Image:
    body = json.loads(path.read_text())
    return Image.open(io.BytesIO(base64.b64decode(body["instances"][0]["image"]["b64"], validate=True)))


def normalised(image: Image.Image) -> Any:
    """As the transformer sends it, written a second time."""
    pixels = np.asarray(image, dtype=np.float32)
    channels_first = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return ((channels_first / 255 - 0.1307) / 0.3081)[None].astype(np.float32)


def test_mnist_reads_at_least_97_percent_of_the_digits_it_was_not_trained_on(
    mnist: onnxruntime.InferenceSession,
) -> None:
    with np.load(MODELS / "samples/mnist-held-out.npz") as held_out:
        pixels, labels = held_out["pixels"], held_out["labels"]

    (scores,) = mnist.run(None, {"INPUT__0": digits.normalise(pixels)})

    right = int((scores.argmax(axis=1) == labels).sum())
    assert len(labels) == 1000
    assert right / len(labels) >= 0.97
    assert f"({right} of the 1,000 held-out digits)" in (MODELS / "README.md").read_text()


@pytest.mark.parametrize(("name", "picture"), [("mnist", (1, 28, 28)), ("cifar10", (3, 32, 32))])
def test_inputs_and_outputs_have_the_names_and_shapes_that_the_guide_uses(
    name: str, picture: tuple[int, ...], request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue("mnist" if name == "mnist" else "cifar")

    (taken,), (given,) = model.get_inputs(), model.get_outputs()

    assert (taken.name, taken.type, taken.shape) == ("INPUT__0", "tensor(float)", ["batch", *picture])
    assert (given.name, given.type, given.shape) == ("OUTPUT__0", "tensor(float)", ["batch", 10])


def test_the_example_request_of_mnist_is_a_two(mnist: onnxruntime.InferenceSession) -> None:
    image = picture_of(ROOT / "examples/torch-transformer/input.json")

    (scores,) = mnist.run(None, {"INPUT__0": normalised(image)})

    assert (image.format, image.mode, image.size) == ("PNG", "L", (28, 28))
    assert scores.argmax() == 2


def test_the_example_request_of_cifar10_is_a_cat(cifar: onnxruntime.InferenceSession) -> None:
    image = picture_of(ROOT / "examples/torch-grpc-transformer/input.json")

    (scores,) = cifar.run(None, {"INPUT__0": normalised(image)})

    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (32, 32))
    assert cifar10.CLASSES[scores.argmax()] == "cat"


def test_the_archive_is_what_its_sources_pack_to() -> None:
    """So the handler in it is the one in the repository, and packing again changes no byte."""
    committed = (TORCHSERVE / "model-store/mnist.mar").read_bytes()
    with ZipFile(io.BytesIO(committed)) as mar:
        model = mar.read("mnist.onnx")
        manifest = json.loads(mar.read(archive.MANIFEST))

    packed = archive.pack("mnist", model, (MODELS / "torchserve/handler.py").read_bytes())

    with ZipFile(io.BytesIO(packed)) as again, ZipFile(io.BytesIO(committed)) as mar:
        assert [again.read(name) for name in again.namelist()] == [mar.read(name) for name in mar.namelist()]
    assert packed == archive.pack("mnist", model, (MODELS / "torchserve/handler.py").read_bytes())
    assert manifest["model"]["serializedFile"] == "mnist.onnx"


def test_the_settings_of_both_servers_are_the_ones_beside_the_build() -> None:
    assert (TORCHSERVE / "config/config.properties").read_text() == (
        MODELS / "torchserve/config.properties"
    ).read_text()
    assert (TRITON / "config.pbtxt").read_text() == (MODELS / "triton/config.pbtxt").read_text()


def test_tritons_configuration_names_the_tensors_of_the_model(cifar: onnxruntime.InferenceSession) -> None:
    config = text_format.Parse((TRITON / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())

    assert (config.name, config.platform) == (TRITON.name, "onnxruntime_onnx")
    for declared, real in ((config.input[0], cifar.get_inputs()[0]), (config.output[0], cifar.get_outputs()[0])):
        assert declared.name == real.name
        assert list(declared.dims) == real.shape[1:]


def test_the_bucket_is_small_enough_to_commit() -> None:
    files = [path for path in (MODELS / "bucket").rglob("*") if path.is_file()]

    assert len(files) == 7
    assert sum(path.stat().st_size for path in files) < 5_000_000
