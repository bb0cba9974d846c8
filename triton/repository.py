"""A Triton model repository, as far as has to be known before Triton starts: which model needs which backend.

Only `name: "text"` fields at the top of a config.pbtxt are read; Triton itself reads and checks the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

BUILT_IN = ("ensemble", "python")
"""What Triton has without a folder of ours."""
_OF_PLATFORM = {
    "onnxruntime_onnx": "onnxruntime",
    "pytorch_libtorch": "pytorch",
    "tensorflow_graphdef": "tensorflow",
    "tensorflow_savedmodel": "tensorflow",
    "tensorrt_plan": "tensorrt",
}
_OF_FILE = {
    "model.onnx": "onnxruntime",
    "model.pt": "pytorch",
    "model.py": "python",
    "model.plan": "tensorrt",
    "model.graphdef": "tensorflow",
    "model.savedmodel": "tensorflow",
}
"""As Triton itself guesses where a configuration says nothing."""
_FIELD = re.compile(r'(?m)^\s*(platform|backend)\s*:\s*["\']([^"\']*)["\']')
_TENSORS = re.compile(r"(?m)^\s*(input|output)\b")
_COMMENT = re.compile(r"(?m)#.*$")
_BLOCK = re.compile(r"[\[{][^\[\]{}]*[\]}]")


@dataclass(frozen=True)
class Model:
    name: str
    backend: str
    complete: bool = False
    """Its configuration says all that Triton would otherwise have to ask the backend for, which takes seconds."""


def read(repositories: Iterable[Path]) -> list[Model]:
    """The models of all `repositories`; what has neither a configuration nor a file that is known is left to Triton."""
    return [
        model
        for repository in repositories
        if repository.is_dir()
        for folder in sorted(repository.iterdir())
        if folder.is_dir() and (model := _model(folder)).backend
    ]


def _model(folder: Path) -> Model:
    config = folder / "config.pbtxt"
    text = _top_level(config.read_text(encoding="utf-8")) if config.is_file() else ""
    declared = dict(_FIELD.findall(text))
    platform = declared.get("platform", "")
    backend = declared.get("backend") or _OF_PLATFORM.get(platform, platform)
    # A model in Python may complete its configuration in its own way, whatever stands there.
    complete = backend not in ("", "python") and set(_TENSORS.findall(text)) == {"input", "output"}
    return Model(folder.name, backend or next(_of_files(folder), ""), complete)


def fields(text: str) -> dict[str, str]:
    """The fields `platform` and `backend` at the top level of a config.pbtxt."""
    return dict(_FIELD.findall(_top_level(text)))


def _top_level(text: str) -> str:
    flat = _COMMENT.sub("", text)
    while (shorter := _BLOCK.sub("", flat)) != flat:
        flat = shorter
    return flat


def _of_files(folder: Path) -> Iterator[str]:
    for version in sorted(folder.iterdir()):
        if version.name.isdigit():
            for file, backend in _OF_FILE.items():
                if (version / file).exists():
                    yield backend
