"""Triton model repositories."""

from __future__ import annotations

from pathlib import Path

import pytest

from predictor_mock.errors import BrokenModel
from predictor_mock.layouts import triton
from predictor_mock.signature import Signature, TensorSpec
from predictor_mock.sources import DeclaredSource, OnnxSource

from ..conftest import Write, config

SIGNATURE = Signature((TensorSpec("x", "FP32", (-1, 2)),), (TensorSpec("y", "FP32", (-1, 2)),), 4)


def test_every_folder_with_a_configuration_is_a_model_at_its_highest_version(write: Write, tmp_path: Path) -> None:
    for version in ("2", "10", "9", "latest", "007"):
        write(f"adder/{version}/model.onnx")
    write("adder/config.pbtxt", config())
    write("other/1/model.onnx")
    write("other/config.pbtxt", config("other"))
    write(".cache/1/model.onnx")
    write("notes/readme.txt")

    assert triton.models(tmp_path) == (
        OnnxSource("adder", tmp_path / "adder/10/model.onnx", "10", SIGNATURE),
        OnnxSource("other", tmp_path / "other/1/model.onnx", "1", SIGNATURE),
    )


def test_an_onnx_model_needs_no_configuration(write: Write, tmp_path: Path) -> None:
    write("adder/1/model.onnx")

    assert triton.recognises(tmp_path)
    assert triton.models(tmp_path) == (OnnxSource("adder", tmp_path / "adder/1/model.onnx", "1"),)


def test_a_platform_that_cannot_be_run_is_declared_with_its_signature(write: Write, tmp_path: Path) -> None:
    write("adder/1/model.pt")
    write("adder/config.pbtxt", config(platform="pytorch_libtorch"))

    assert triton.models(tmp_path) == (DeclaredSource("adder", SIGNATURE, "pytorch_libtorch", "1"),)


def test_the_backend_field_and_the_files_name_are_followed(write: Write, tmp_path: Path) -> None:
    write("adder/1/net.onnx")
    write("adder/config.pbtxt", 'backend: "onnxruntime" default_model_filename: "net.onnx"')

    (source,) = triton.models(tmp_path)

    assert isinstance(source, OnnxSource)
    assert source.path.name == "net.onnx"
    assert source.declared == Signature((), (), 0)


def test_without_a_batch_size_the_declared_dimensions_are_all_there_are(write: Write, tmp_path: Path) -> None:
    write("adder/1/model.onnx")
    write("adder/config.pbtxt", config(batch=0))

    (source,) = triton.models(tmp_path)

    assert isinstance(source, OnnxSource)
    assert source.declared is not None
    assert source.declared.inputs == (TensorSpec("x", "FP32", (2,)),)


def test_tritons_strings_are_bytes(write: Write, tmp_path: Path) -> None:
    write("adder/1/model.pt")
    write("adder/config.pbtxt", config(platform="python", datatype="TYPE_STRING"))

    (source,) = triton.models(tmp_path)

    assert isinstance(source, DeclaredSource)
    assert source.signature.inputs[0].datatype == "BYTES"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_batch_size: many", r"config\.pbtxt: no Triton model configuration: 1:17"),
        ("colour: 1", "no field named .colour."),
        (config("adding"), "name is 'adding' and the folder is 'adder'"),
        (config(datatype="TYPE_BF16"), "tensor 'x': data_type TYPE_BF16 cannot be served"),
    ],
)
def test_a_configuration_with_a_fault_is_named_with_it(write: Write, tmp_path: Path, text: str, message: str) -> None:
    write("adder/1/model.onnx")
    write("adder/config.pbtxt", text)

    with pytest.raises(BrokenModel, match=message):
        triton.models(tmp_path)


def test_a_model_without_versions_or_without_its_file_is_named(write: Write, tmp_path: Path) -> None:
    write("adder/config.pbtxt", config())
    with pytest.raises(BrokenModel, match="adder: no version folder"):
        triton.models(tmp_path)

    write("adder/1/notes.txt")
    with pytest.raises(BrokenModel, match=r"1/model\.onnx: missing; config\.pbtxt says onnxruntime_onnx"):
        triton.models(tmp_path)


def test_a_model_at_the_top_is_told_to_move_down(write: Write, tmp_path: Path) -> None:
    write("config.pbtxt", config())
    write("1/model.onnx")

    assert triton.recognises(tmp_path)
    with pytest.raises(BrokenModel, match="one folder per model"):
        triton.models(tmp_path)
