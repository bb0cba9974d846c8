"""The functions beside KServe's types."""

import numpy as np
import pytest

from modelapi import InferOutput, InferResponse, Model, ModelRepository
from modelapi.errors import ModelNotFound
from modelapi.protocol import infer_type
from modelapi.protocol.grpc import grpc_predict_v2_pb2 as pb
from modelapi.protocol.model_repository_extension import ModelRepositoryExtension


def test_byte_tensors_are_tritonclients_form() -> None:
    encoded = infer_type.serialize_byte_tensor(np.array([b"a", b"\xff"], dtype=object))
    assert infer_type.deserialize_bytes_tensor(encoded.item()).tolist() == [b"a", b"\xff"]
    assert infer_type.serialize_byte_tensor(np.array([], dtype=object)).size == 0


def test_parameters_go_to_grpc_and_back() -> None:
    parameters = {"a": 1, "b": True, "c": "t"}
    assert infer_type.to_http_parameters(infer_type.to_grpc_parameters(parameters)) == parameters


def test_contents_are_read_by_datatype() -> None:
    assert infer_type.get_content("INT8", pb.InferTensorContents(int_contents=[1, 2])) == [1, 2]


def test_half_precision_is_seen() -> None:
    half = InferOutput("x", [1], "FP16", np.array([1], dtype=np.float16))
    assert infer_type._contains_fp16_datatype(InferResponse("1", "m", [half]))


async def test_the_repository_extension_loads_and_unloads() -> None:
    repository = ModelRepository()
    repository.update(Model("m"))
    extension = ModelRepositoryExtension(repository)
    assert (await extension.index())[0]["state"] == "UNAVAILABLE"
    await extension.load("m")
    assert await extension.index(True) == [{"name": "m", "state": "READY", "reason": ""}]
    await extension.unload("m")
    with pytest.raises(ModelNotFound):
        await extension.unload("m")
