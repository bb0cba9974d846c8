"""onnxruntime and seeded numbers behind one interface."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from modelapi.codec.datatypes import to_numpy_dtype
from modelapi.errors import InferenceError, InvalidInput
from predictor_mock.engines import OnnxEngine, SeededEngine, onnx_errors, zeros
from predictor_mock.errors import BrokenModel
from predictor_mock.signature import Signature, TensorSpec

from .conftest import Write, graph

DATATYPES = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}


def test_an_onnx_model_says_what_it_takes_and_computes_it(write: Write) -> None:
    engine = OnnxEngine(write("model.onnx", graph()), max_batch=4)

    assert engine.signature == Signature((TensorSpec("x", "FP32", (-1, 2)),), (TensorSpec("y", "FP32", (-1, 2)),), 4)
    assert engine.run({"x": np.array([[1, 2]], np.float32)})["y"].tolist() == [[2, 4]]


@pytest.mark.parametrize("datatype", DATATYPES)
def test_every_datatype_goes_through_an_onnx_model_unchanged(write: Write, datatype: str) -> None:
    engine = OnnxEngine(write("model.onnx", graph("Identity", DATATYPES[datatype])))
    values: Any = [["a", "é"]] if datatype == "BYTES" else [[0, 1]]

    given = np.array(values, dtype=to_numpy_dtype(datatype))
    answer = engine.run({"x": given})["y"]

    assert engine.signature.inputs[0].datatype == datatype
    assert answer.tolist() == given.tolist()
    assert answer.dtype == given.dtype


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_a_file_that_is_no_model_is_named(write: Write, content: bytes) -> None:
    path = write("model.onnx", content)

    with pytest.raises(BrokenModel, match=r"model\.onnx: onnxruntime cannot open it"):
        OnnxEngine(path)


def test_what_onnxruntime_refuses_is_the_callers_mistake_and_what_fails_is_not(write: Write) -> None:
    engine = OnnxEngine(write("model.onnx", graph()))

    with pytest.raises(InvalidInput, match="invalid dimensions for input: x"):
        engine.run({"x": np.zeros((1, 3), np.float32)})


def test_a_graph_that_fails_on_its_input_is_an_inference_error(write: Write) -> None:
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"]),
        helper.make_tensor_value_info("shape", TensorProto.INT64, [1]),
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["m"])]
    made = helper.make_graph([helper.make_node("Reshape", ["x", "shape"], ["y"])], "graph", inputs, outputs)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    engine = OnnxEngine(write("model.onnx", model.SerializeToString()))

    with pytest.raises(InferenceError, match="Reshape"):
        engine.run({"x": np.zeros(3, np.float32), "shape": np.array([2])})


def test_other_errors_pass_through() -> None:
    with pytest.raises(ZeroDivisionError), onnx_errors():
        raise ZeroDivisionError


def seeded(datatype: str = "FP32", *, seed: int = 0, model: str = "m") -> SeededEngine:
    signature = Signature((TensorSpec("x", "FP32", (-1, 2)),), (TensorSpec("y", datatype, (-1, 3, -1)),))
    return SeededEngine(signature, seed=seed, model=model)


@pytest.mark.parametrize("datatype", DATATYPES)
def test_seeded_answers_have_the_declared_name_datatype_and_shape(datatype: str) -> None:
    (answer,) = seeded(datatype).run({"x": np.zeros((2, 2), np.float32)}).values()

    assert answer.shape == (2, 3, 1)
    assert answer.dtype == to_numpy_dtype(datatype)


def test_seeded_answers_depend_on_the_request_the_seed_and_the_model_and_on_nothing_else() -> None:
    zero, one = {"x": np.zeros((1, 2), np.float32)}, {"x": np.ones((1, 2), np.float32)}
    first = seeded().run(zero)["y"].tolist()

    assert seeded().run(zero)["y"].tolist() == first
    assert seeded().run(one)["y"].tolist() != first
    assert seeded(seed=1).run(zero)["y"].tolist() != first
    assert seeded(model="n").run(zero)["y"].tolist() != first


def test_seeded_answers_take_text() -> None:
    feeds = {"x": np.array([[b"a", b"b"]], dtype=object)}

    assert seeded("BYTES").run(feeds)["y"].tolist() == seeded("BYTES").run(feeds)["y"].tolist()


def test_zeros_fill_every_input_with_open_sizes_at_one() -> None:
    signature = Signature((TensorSpec("x", "FP32", (-1, 2, -1)), TensorSpec("t", "BYTES", (1,))), ())

    made = zeros(signature)

    assert made["x"].shape == (1, 2, 1)
    assert made["t"].tolist() == [""]
