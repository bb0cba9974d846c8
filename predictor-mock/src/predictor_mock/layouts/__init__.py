"""Which layout a model directory has, and the models in it: a TorchServe store, a Triton repository, or bare ONNX."""

from __future__ import annotations

from pathlib import Path

from predictor_mock.errors import NothingToServe
from predictor_mock.layouts import onnx_file, torchserve, triton
from predictor_mock.sources import Source

EXPECTED = (
    "expected config/config.properties with model-store/*.mar (TorchServe), "
    "<model>/config.pbtxt with <model>/<version>/ (Triton), or an ONNX file"
)


def find(model_dir: Path, model_name: str) -> tuple[Source, ...]:
    """The models of `model_dir`; `model_name` is for a bare ONNX file, which has no name of its own.

    Raises NothingToServe for a directory that is missing, empty or unknown, BrokenModel for a layout with a fault in
    it.
    """
    if not model_dir.exists():
        raise NothingToServe(model_dir, "it does not exist; did the storage initializer run?")
    if onnx_file.recognises(model_dir):
        return onnx_file.models(model_dir, model_name)
    if not model_dir.is_dir():
        raise NothingToServe(model_dir, EXPECTED)
    if not any(model_dir.iterdir()):
        raise NothingToServe(model_dir, "it is empty; did the storage initializer run?")
    if torchserve.recognises(model_dir):
        return torchserve.models(model_dir)
    if triton.recognises(model_dir):
        return triton.models(model_dir)
    raise NothingToServe(model_dir, EXPECTED)
