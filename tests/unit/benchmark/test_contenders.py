"""The user code that is compared, and what all contenders do with a picture."""

from __future__ import annotations

import base64
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from benchmark import contenders, payloads
from benchmark.contenders import picture
from benchmark.predictors import build_model
from modelapi import InferInput, InferOutput, InferRequest, InferResponse


@pytest.fixture
def transformer(monkeypatch) -> ModuleType:
    monkeypatch.setenv("BENCH_SDK", "modelapi")
    path = Path(contenders.__file__).with_name("transformer.py")
    spec = importlib.util.spec_from_file_location("benchmark_transformer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("side", [32, 224])
def test_a_picture_becomes_a_normalised_tensor_of_the_side(side: int) -> None:
    tensor = picture.batch([payloads.PICTURE.read_bytes()] * 2, side)
    assert (tensor.shape, tensor.dtype, tensor.flags.c_contiguous) == ((2, 3, side, side), np.float32, True)
    assert -picture.MEAN / picture.STD - 1e-5 <= tensor.min() < tensor.max() <= (1 - picture.MEAN) / picture.STD + 1e-5


def test_v1_goes_on_as_a_v2_request_and_comes_back_as_predictions(transformer) -> None:
    model = transformer.PictureTransformer("picture", 32, "grpc-v2")
    headers: dict[str, str] = {}
    encoded = base64.b64encode(payloads.PICTURE.read_bytes()).decode()
    request = model.preprocess({"instances": [{"image": {"b64": encoded}}]}, headers)
    assert request.inputs[0].as_numpy().shape == (1, 3, 32, 32)
    answer = InferResponse("1", "picture", [InferOutput("OUTPUT__0", [1, 2], "FP32", [1.0, 2.0])])
    assert model.postprocess(answer, headers) == {"predictions": [[1.0, 2.0]]}


def test_binary_tensors_can_be_asked_for_by_hand(transformer, monkeypatch) -> None:
    monkeypatch.setenv("BENCH_BINARY", "1")
    model = transformer.PictureTransformer("picture", 32, "v2")
    encoded = base64.b64encode(payloads.PICTURE.read_bytes()).decode()
    request = model.preprocess({"instances": [{"image": {"b64": encoded}}]}, {})
    assert request.inputs[0].parameters["binary_data_size"] == 4 * 3 * 32 * 32
    assert request.parameters == {"binary_data_output": True}


def test_v2_stays_v2(transformer) -> None:
    model = transformer.PictureTransformer("picture", 32, "grpc-v2")
    image = InferInput("IMAGE", [1], "BYTES", np.array([payloads.PICTURE.read_bytes()], dtype=np.object_))
    request = model.preprocess(InferRequest("picture", [image]), {})
    assert request.inputs[0].shape == [1, 3, 32, 32]
    answer = InferResponse("1", "picture", [])
    assert model.postprocess(answer, {}) is answer


def test_on_a_v1_hop_the_tensor_is_nested_lists(transformer) -> None:
    model = transformer.PictureTransformer("picture", 32, "v1")
    encoded = base64.b64encode(payloads.PICTURE.read_bytes()).decode()
    body = model.preprocess({"instances": [{"image": {"b64": encoded}}]}, {})
    assert np.shape(body["instances"][0]["data"]) == (3, 32, 32)


def test_the_model_in_the_repository_is_what_its_script_builds() -> None:
    assert build_model.MODEL.read_bytes() == build_model.build().SerializeToString()
