"""The sample models over every wire; tritonclient is the witness."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

import httpx
import numpy as np
import onnxruntime
import pytest
import tritonclient.grpc
import tritonclient.http
from PIL import Image
from tritonclient.utils import InferenceServerException

from .conftest import BUCKET, ROOT, Running

MEAN, DEVIATION = 0.1307, 0.3081


@pytest.fixture(scope="module")
def cat() -> Any:
    pixels = np.asarray(Image.open(ROOT / "models/samples/cat.png"), np.float32)
    return ((pixels / 255 - MEAN) / DEVIATION).transpose(2, 0, 1)[None].astype(np.float32)


@pytest.fixture(scope="module")
def digits() -> tuple[Any, list[int]]:
    """Pictures, and what the model itself takes them for, without any server."""
    with np.load(ROOT / "models/samples/mnist-held-out.npz") as held_out:
        pixels = held_out["pixels"][::125]
    pictures = ((pixels[:, None].astype(np.float32) / 255 - MEAN) / DEVIATION).astype(np.float32)
    with ZipFile(BUCKET / "torchserve/image_classifier/v1/model-store/mnist.mar") as mar:
        session = onnxruntime.InferenceSession(mar.read("mnist.onnx"))
    return pictures, session.run(None, {"INPUT__0": pictures})[0].argmax(axis=1).tolist()


@pytest.fixture(scope="module")
def scores(cat: Any) -> Any:
    """What the model itself says, without any server."""
    session = onnxruntime.InferenceSession(str(BUCKET / "torchscript/cifar10/1/model.onnx"))
    return session.run(None, {"INPUT__0": cat})[0]


def infer(running: Running, wire: str, model: str, array: Any) -> Any:
    """OUTPUT__0 for INPUT__0, by tritonclient."""
    library: Any = tritonclient.grpc if wire == "grpc" else tritonclient.http
    options = {} if wire == "grpc" else {"binary_data": wire == "binary"}
    with library.InferenceServerClient(running.grpc if wire == "grpc" else running.rest) as client:
        tensor = library.InferInput("INPUT__0", list(array.shape), "FP32")
        tensor.set_data_from_numpy(array, **options)
        output = library.InferRequestedOutput("OUTPUT__0", **options)
        return client.infer(model, [tensor], outputs=[output], timeout=30).as_numpy("OUTPUT__0")


def v1(running: Running, model: str, body: Any) -> httpx.Response:
    return httpx.post(f"http://{running.rest}/v1/models/{model}:predict", json=body, timeout=30)


@pytest.mark.parametrize("wire", ["json", "binary", "grpc"])
def test_cifar10_gives_the_models_own_scores_over_v2(cifar10: Running, cat: Any, scores: Any, wire: str) -> None:
    np.testing.assert_allclose(infer(cifar10, wire, "cifar10", cat), scores, atol=1e-5)
    assert scores[0].argmax() == 3


def test_cifar10_gives_the_models_own_scores_over_v1(cifar10: Running, cat: Any, scores: Any) -> None:
    answer = v1(cifar10, "cifar10", {"instances": cat.tolist()})

    np.testing.assert_allclose(answer.json()["predictions"], scores, atol=1e-5)


@pytest.mark.parametrize("wire", ["json", "binary", "grpc"])
def test_mnist_gives_its_handlers_digits_over_v2(mnist: Running, digits: tuple[Any, list[int]], wire: str) -> None:
    pictures, labels = digits

    assert infer(mnist, wire, "mnist", pictures).tolist() == labels


def test_mnist_gives_its_handlers_digits_over_v1(mnist: Running, digits: tuple[Any, list[int]]) -> None:
    pictures, labels = digits

    answer = v1(mnist, "mnist", {"instances": [{"data": picture.tolist()} for picture in pictures]})

    assert answer.json() == {"predictions": labels}


def test_metadata_names_the_models_tensors_and_the_binary_extension(cifar10: Running, mnist: Running) -> None:
    server = httpx.get(f"http://{cifar10.rest}/v2").json()
    model = httpx.get(f"http://{cifar10.rest}/v2/models/cifar10").json()

    assert "binary_tensor_data" in server["extensions"]
    assert model == {
        "name": "cifar10",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "INPUT__0", "datatype": "FP32", "shape": [-1, 3, 32, 32]}],
        "outputs": [{"name": "OUTPUT__0", "datatype": "FP32", "shape": [-1, 10]}],
    }
    with tritonclient.grpc.InferenceServerClient(mnist.grpc) as client:
        metadata = client.get_model_metadata("mnist")
    assert [(tensor.name, tensor.datatype, list(tensor.shape)) for tensor in metadata.inputs] == [
        ("INPUT__0", "FP32", [-1, 1, 28, 28])
    ]
    assert [(tensor.name, tensor.datatype, list(tensor.shape)) for tensor in metadata.outputs] == [
        ("OUTPUT__0", "INT64", [-1])
    ]


def v2_body(name: str = "INPUT__0", shape: tuple[int, ...] = (1, 3, 32, 32), datatype: str = "FP32") -> dict[str, Any]:
    data = np.zeros(shape, int).ravel().tolist()
    return {"inputs": [{"name": name, "shape": list(shape), "datatype": datatype, "data": data}]}


@pytest.mark.parametrize("model", ["cifar10", "mnist"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("v1/models/{}:predict", {"instances": [[1]]}, id="v1 shape"),
        pytest.param("v1/models/{}:predict", {"instances": [{"image": 1}]}, id="v1 field"),
        pytest.param("v1/models/{}:predict", {"instances": ["x"]}, id="v1 text"),
        pytest.param("v1/models/{}:predict", {"instances": [None]}, id="v1 null"),
        pytest.param("v1/models/{}:predict", {"instances": []}, id="v1 nothing"),
        pytest.param("v1/models/{}:predict", {"inputs": []}, id="v1 without instances"),
        pytest.param("v2/models/{}/infer", v2_body("x"), id="v2 name"),
        pytest.param("v2/models/{}/infer", v2_body(shape=(1, 2, 3)), id="v2 shape"),
        pytest.param("v2/models/{}/infer", v2_body(shape=(0, 3, 32, 32)), id="v2 empty batch"),
        pytest.param("v2/models/{}/infer", v2_body(datatype="INT64"), id="v2 datatype"),
    ],
)
def test_a_request_that_does_not_fit_the_model_is_a_400_with_a_sentence(
    model: str, path: str, body: Any, request: pytest.FixtureRequest
) -> None:
    running: Running = request.getfixturevalue(model)

    answer = httpx.post(f"http://{running.rest}/{path.format(model)}", json=body, timeout=30)

    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert "Traceback" not in running.log


def test_over_grpc_a_request_that_does_not_fit_is_an_invalid_argument(cifar10: Running) -> None:
    with pytest.raises(
        InferenceServerException, match=r"expected FP32 \[-1, 3, 32, 32\], got shape \[1, 3, 31, 32\]"
    ) as error:
        infer(cifar10, "grpc", "cifar10", np.zeros((1, 3, 31, 32), np.float32))

    assert error.value.status() == "StatusCode.INVALID_ARGUMENT"


def test_an_unknown_model_is_a_404(cifar10: Running) -> None:
    answer = v1(cifar10, "mnist", {"instances": [1]})

    assert answer.status_code == 404
    assert "mnist" in json.dumps(answer.json())


@pytest.fixture(autouse=True, scope="module")
def _closed_clients() -> Iterator[None]:
    """tritonclient's HTTP client leaves its pool to the collector."""
    import gc

    yield
    gc.collect()
