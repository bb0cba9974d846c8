"""A Triton model repository: `<model>/config.pbtxt` and `<model>/<version>/model.onnx`.

Rules as in Triton's model repository and model configuration documentation: folders that are whole numbers are
versions and
the highest is served; `max_batch_size` puts a batch dimension before the declared ones; ONNX models need no
configuration.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from predictor_mock.errors import BrokenModel
from predictor_mock.signature import ANY, Signature, TensorSpec
from predictor_mock.sources import DeclaredSource, OnnxSource, Source

CONFIG = "config.pbtxt"
ONNX_FILE = "model.onnx"


def recognises(model_dir: Path) -> bool:
    """Whether it, or a folder of it, is a Triton model."""
    return (model_dir / CONFIG).is_file() or any(_is_model(folder) for folder in _folders(model_dir))


def models(model_dir: Path) -> tuple[Source, ...]:
    """One model per folder, served under the folder's name."""
    if (model_dir / CONFIG).is_file():
        raise BrokenModel(
            model_dir / CONFIG, "a Triton repository holds one folder per model; move this one into <model name>/"
        )
    return tuple(_model(folder) for folder in _folders(model_dir) if _is_model(folder))


def _folders(model_dir: Path) -> list[Path]:
    return sorted(entry for entry in model_dir.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _is_model(folder: Path) -> bool:
    return (folder / CONFIG).is_file() or any((version / ONNX_FILE).is_file() for version in _versions(folder))


def _versions(folder: Path) -> list[Path]:
    """Version folders, the highest last; Triton passes over names that are no number or start with 0."""
    found = [entry for entry in folder.iterdir() if entry.is_dir() and entry.name.isdecimal() and entry.name[0] != "0"]
    return sorted(found, key=lambda entry: int(entry.name))


def _model(folder: Path) -> Source:
    versions = _versions(folder)
    if not versions:
        raise BrokenModel(folder, "no version folder; a Triton model has its files in <model>/<number>/")
    latest = versions[-1]
    path = folder / CONFIG
    if not path.is_file():
        return OnnxSource(folder.name, latest / ONNX_FILE, latest.name)
    config = _read(path)
    if config.name not in ("", folder.name):
        raise BrokenModel(path, f"name is {config.name!r} and the folder is {folder.name!r}; Triton wants them equal")
    signature = _signature(config, path)
    engine = config.platform or config.backend
    if engine not in ("onnxruntime_onnx", "onnxruntime"):
        return DeclaredSource(folder.name, signature, engine or "unnamed platform", latest.name)
    model = latest / (config.default_model_filename or ONNX_FILE)
    if not model.is_file():
        raise BrokenModel(model, f"missing; {CONFIG} says {engine}")
    return OnnxSource(folder.name, model, latest.name, signature)


def _read(path: Path) -> Any:
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), model_config_pb2.ModelConfig())
    except (text_format.ParseError, UnicodeDecodeError) as exc:
        raise BrokenModel(path, f"no Triton model configuration: {exc}") from exc


def _signature(config: Any, path: Path) -> Signature:
    batch = (ANY,) if config.max_batch_size > 0 else ()
    inputs, outputs = (_specs(tensors, batch, path) for tensors in (config.input, config.output))
    return Signature(inputs, outputs, max(config.max_batch_size, 0))


def _specs(tensors: Iterable[Any], batch: tuple[int, ...], path: Path) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(tensor.name, _datatype(tensor, path), (*batch, *tensor.dims)) for tensor in tensors)


def _datatype(tensor: Any, path: Path) -> str:
    """`TYPE_FP32` -> `FP32`; Triton's strings are the protocol's BYTES."""
    name = str(model_config_pb2.DataType.Name(tensor.data_type)).removeprefix("TYPE_")
    if name in ("INVALID", "BF16"):
        raise BrokenModel(path, f"tensor {tensor.name!r}: data_type TYPE_{name} cannot be served; name another one")
    return "BYTES" if name == "STRING" else name
