"""Sources, opened: V1 instances and V2 tensors for tensor models and for handlers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from modelapi import InferInput
from modelapi.errors import InferenceError, InvalidInput
from predictor_mock.errors import BrokenModel
from predictor_mock.served import Served, open_source
from predictor_mock.signature import Signature, TensorSpec
from predictor_mock.sources import ArchiveSource, DeclaredSource, OnnxSource

from .conftest import Write, archive, graph

X, Y = TensorSpec("x", "FP32", (-1, 2)), TensorSpec("y", "FP32", (-1, 2))


def opened(source: Any, tmp_path: Path) -> Served:
    return open_source(source, tmp_path / "scratch", seed=0)


def tensor(*rows: list[float], name: str = "x") -> InferInput:
    array = np.array(rows, np.float32)
    return InferInput(name, list(array.shape), "FP32", array)


@pytest.fixture
def adder(write: Write, tmp_path: Path) -> Served:
    """y = x + x."""
    return opened(OnnxSource("adder", write("model.onnx", graph()), "3", Signature((X,), (Y,), 4)), tmp_path)


@pytest.mark.parametrize("instances", [[[1, 2], [3, 4]], [{"x": [1, 2]}, {"data": [3, 4]}]])
def test_an_instance_is_a_value_or_an_object_of_the_inputs(adder: Served, instances: list[Any]) -> None:
    assert [row.tolist() for row in adder.rows(instances)] == [[2, 4], [6, 8]]


@pytest.mark.parametrize(
    ("instances", "message"),
    [
        ([[1, 2], [3]], "expected values of one shape"),
        ([[1, 2, 3]], r"expected FP32 \[-1, 2\], got shape \[1, 3\]"),
        ([7], r"got shape \[1\]"),
        ([["a", "b"]], "values that are no FP32"),
        ([{"y": 1}], r"an instance has \['y'\], expected 'x'"),
        ([None], r"no regular array|got shape"),
        ([[1, 2]] * 5, "batch of 1 to 4"),
    ],
)
def test_instances_that_do_not_fit_are_the_callers_mistake(adder: Served, instances: list[Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        adder.rows(instances)


def test_tensors_go_through_the_model(adder: Served) -> None:
    assert adder.tensors([tensor([1, 2])])["y"].tolist() == [[2, 4]]
    assert (adder.name, adder.version, adder.platform) == ("adder", "3", "onnxruntime_onnx")


def two_outputs(batched: bool) -> bytes:
    """sum and product of a and b; the second output without a batch, if so asked."""
    taken = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch"]) for name in ("a", "b")]
    given = [helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["batch"])]
    given.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, ["batch"] if batched else []))
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"])]
    nodes.append(
        helper.make_node("Mul", ["a", "b"], ["other"])
        if batched
        else helper.make_node("ReduceMax", ["a"], ["other"], keepdims=0)
    )
    made = helper.make_graph(nodes, "graph", taken, given)
    content: bytes = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    return content


def test_several_outputs_make_an_object_of_each_row(write: Write, tmp_path: Path) -> None:
    served = opened(OnnxSource("m", write("m.onnx", two_outputs(batched=True))), tmp_path)

    assert served.rows([{"a": 2, "b": 3}, {"a": 4, "b": 5}]) == [
        {"sum": 5.0, "other": 6.0},
        {"sum": 9.0, "other": 20.0},
    ]
    with pytest.raises(InvalidInput, match="an instance must be an object of its inputs, got int"):
        served.rows([1])


def test_an_output_without_rows_has_no_form_in_v1(write: Write, tmp_path: Path) -> None:
    served = opened(OnnxSource("m", write("m.onnx", two_outputs(batched=False))), tmp_path)

    with pytest.raises(InferenceError, match="output 'other' has 1 rows for 2 instances; ask over V2"):
        served.rows([{"a": 2, "b": 3}, {"a": 4, "b": 5}])


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (Signature((TensorSpec("z", "FP32", (-1, 2)),), ()), r"declares input 'z', and the model has \['x'\]"),
        (Signature((TensorSpec("x", "INT64", (-1, 2)),), ()), r"declares input x INT64 \[-1, 2\], and the model has x"),
        (Signature((), (TensorSpec("y", "FP32", (-1, 3)),)), r"declares output y FP32 \[-1, 3\]"),
    ],
)
def test_a_configuration_that_contradicts_its_model_is_refused(
    write: Write, tmp_path: Path, declared: Signature, message: str
) -> None:
    with pytest.raises(BrokenModel, match=message):
        opened(OnnxSource("m", write("m.onnx", graph()), "1", declared), tmp_path)


def test_a_platform_that_cannot_be_run_answers_seeded_numbers_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        served = opened(DeclaredSource("m", Signature((X,), (Y,)), "pytorch_libtorch", "1"), tmp_path)
        first, second = (served.tensors([tensor([1, 2])])["y"] for _ in range(2))

    assert first.tolist() == second.tolist()
    assert first.shape == (1, 2)
    assert [record.getMessage() for record in caplog.records] == [
        "model m: pytorch_libtorch cannot be run here; its answers are seeded numbers of the declared shapes"
    ]


def test_a_handler_answers_instances_and_tensors(tmp_path: Path) -> None:
    served = opened(ArchiveSource("m", archive(tmp_path / "m.mar", model=graph()), "1.0"), tmp_path)

    assert served.rows([{"data": [1, 2]}, {"data": [3, 4]}]) == [2.0, 6.0]
    with pytest.raises(InvalidInput, match=r"takes the inputs \['x'\]"):
        served.tensors([tensor([1, 2], name="z")])
    with pytest.raises(InvalidInput, match=r"expected FP32 \[-1, 2\], got shape \[1, 3\]"):
        served.rows([{"data": [1, 2, 3]}])


TENSORS = """
import numpy as np
from ts.torch_handler.base_handler import BaseHandler

class H(BaseHandler):
    def preprocess(self, data):
        return np.concatenate([np.asarray(row["data"], np.float32) for row in data])

    def postprocess(self, data):
        return [ANSWER]
"""


@pytest.mark.parametrize(
    ("answer", "values", "datatype"),
    [
        ("data[:, 0].astype(int).tolist()", [2, 6], "INT64"),
        ("data.tolist()", [[2.0, 4.0], [6.0, 8.0]], "FP64"),
        ("'cat'", [b"cat"], "BYTES"),
        ("{'cat': 0.5}", [b'{"cat": 0.5}'], "BYTES"),
        ("[[1], [1, 2]]", [b"[[1], [1, 2]]"], "BYTES"),
    ],
)
def test_what_a_handler_answers_becomes_a_tensor_under_the_models_output_name(
    tmp_path: Path, answer: str, values: list[Any], datatype: str
) -> None:
    mar = archive(tmp_path / "m.mar", handler=TENSORS.replace("ANSWER", answer), model=graph())
    served = opened(ArchiveSource("m", mar), tmp_path)

    assert served.tensors([tensor([1, 2], [3, 4])])["y"].tolist() == values
    assert served.signature.outputs[0].datatype == datatype


@pytest.mark.parametrize("name", ["model.onnx", "model.pt"])
def test_a_handler_that_needs_torch_is_left_out_and_the_log_says_so(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    mar = archive(tmp_path / "m.mar", handler="import no_such_module\n", model=graph(), name=name)

    with caplog.at_level(logging.WARNING):
        served = opened(ArchiveSource("m", mar), tmp_path)

    answer = served.tensors([tensor([1, 2])])
    assert "needs no_such_module, which is not installed" in caplog.text
    assert list(answer) == (["y"] if name == "model.onnx" else ["OUTPUT__0"])


def test_a_handler_that_loses_rows_has_failed(tmp_path: Path) -> None:
    mar = archive(tmp_path / "m.mar", handler="def handle(data, context):\n    return []\n", model=graph())

    with pytest.raises(InferenceError, match="2 instances, and its handler gave 0 answers"):
        opened(ArchiveSource("m", mar), tmp_path).rows([1, 2])
