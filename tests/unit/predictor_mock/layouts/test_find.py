"""Telling the layouts apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from predictor_mock import layouts
from predictor_mock.errors import BrokenModel, NothingToServe
from predictor_mock.sources import ArchiveSource, OnnxSource

from ..conftest import Write, config


def test_a_bare_onnx_file_has_the_name_that_it_is_given(write: Write, tmp_path: Path) -> None:
    path = write("net.onnx")

    assert layouts.find(tmp_path, "mine") == (OnnxSource("mine", path),)
    assert layouts.find(path, "mine") == (OnnxSource("mine", path),)


def test_two_bare_onnx_files_are_one_too_many(write: Write, tmp_path: Path) -> None:
    write("a.onnx")
    write("b.onnx")

    with pytest.raises(BrokenModel, match=r"2 ONNX files \(a\.onnx, b\.onnx\) and one --model_name"):
        layouts.find(tmp_path, "m")


def test_a_torchserve_store_and_a_triton_repository_are_told_apart(write: Write, tmp_path: Path) -> None:
    write("torch/model-store/a.mar")
    write("triton/adder/1/model.onnx")
    write("triton/adder/config.pbtxt", config())

    assert isinstance(layouts.find(tmp_path / "torch", "m")[0], ArchiveSource)
    assert isinstance(layouts.find(tmp_path / "triton", "m")[0], OnnxSource)


def test_what_is_missing_empty_or_unknown_says_so(write: Write, tmp_path: Path) -> None:
    with pytest.raises(NothingToServe, match="none: it does not exist; did the storage initializer run"):
        layouts.find(tmp_path / "none", "m")
    with pytest.raises(NothingToServe, match="it is empty"):
        layouts.find(tmp_path, "m")
    with pytest.raises(NothingToServe, match="expected config/"):
        layouts.find(write("notes.txt"), "m")
    with pytest.raises(NothingToServe, match="expected config/"):
        layouts.find(tmp_path, "m")
