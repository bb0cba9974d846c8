"""A bare ONNX file: the path itself, or the only `*.onnx` at the top of the directory."""

from __future__ import annotations

from pathlib import Path

from predictor_mock.errors import BrokenModel
from predictor_mock.sources import OnnxSource, Source


def recognises(model_dir: Path) -> bool:
    """Whether there is an ONNX file at the path or right under it."""
    return bool(_files(model_dir))


def models(model_dir: Path, model_name: str) -> tuple[Source, ...]:
    """The one model, under the name it is asked to have."""
    files = _files(model_dir)
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise BrokenModel(
            model_dir, f"{len(files)} ONNX files ({names}) and one --model_name; leave one, or use Triton's layout"
        )
    return (OnnxSource(model_name, files[0]),)


def _files(model_dir: Path) -> list[Path]:
    if model_dir.is_file():
        return [model_dir] if model_dir.suffix == ".onnx" else []
    return sorted(model_dir.glob("*.onnx"))
