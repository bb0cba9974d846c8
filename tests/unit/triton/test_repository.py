"""Which backend a model needs, as Triton itself would find it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('platform: "onnxruntime_onnx"', {"platform": "onnxruntime_onnx"}),
        ("backend:'python'", {"backend": "python"}),
        ('# backend: "python"\nname: "a"', {}),
        ('input [ { name: "platform: x" } ]\nbackend: "pytorch"', {"backend": "pytorch"}),
        (
            'parameters { key: "k" value: { string_value: "v" } }\n  platform : "tensorrt_plan"',
            {"platform": "tensorrt_plan"},
        ),
        ('model_warmup [ {\n  backend: "no"\n} ]', {}),
    ],
)
def test_only_fields_at_the_top_count(repository: ModuleType, text: str, fields: dict[str, str]) -> None:
    assert repository.fields(text) == fields


@pytest.mark.parametrize(
    ("config", "file", "backend"),
    [
        ('platform: "onnxruntime_onnx"', None, "onnxruntime"),
        ('platform: "pytorch_libtorch"', None, "pytorch"),
        ('platform: "ensemble"', None, "ensemble"),
        ('backend: "onnxruntime"', None, "onnxruntime"),
        ('platform: "tensorrt_plan"', None, "tensorrt"),
        ('platform: "own_kind"', None, "own_kind"),
        ("max_batch_size: 8", "model.pt", "pytorch"),
        (None, "model.onnx", "onnxruntime"),
        (None, "model.plan", "tensorrt"),
        (None, "model.py", "python"),
    ],
)
def test_a_model_names_its_backend_or_its_file_does(
    repository: ModuleType, tmp_path: Path, config: str | None, file: str | None, backend: str
) -> None:
    folder = tmp_path / "model"
    (folder / "1").mkdir(parents=True)
    if config is not None:
        (folder / "config.pbtxt").write_text(config)
    if file is not None:
        (folder / "1" / file).touch()
    (model,) = repository.read([tmp_path])
    assert (model.name, model.backend, model.complete) == ("model", backend, False)


def test_what_is_no_model_is_left_to_triton(repository: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    assert repository.read([tmp_path, tmp_path / "nothing"]) == []


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ('platform: "onnxruntime_onnx"\ninput [ { name: "a" } ]\noutput [ { name: "b" } ]', True),
        ('platform: "onnxruntime_onnx"\ninput { name: "a" }\ninput { name: "c" }\noutput { name: "b" }', True),
        ('platform: "onnxruntime_onnx"\ninput [ { name: "a" } ]', False),
        ('input [ { name: "a" } ]\noutput [ { name: "b" } ]', False),
        ('backend: "python"\ninput [ { name: "a" } ]\noutput [ { name: "b" } ]', False),
    ],
)
def test_a_model_is_complete_when_nothing_has_to_be_asked_for(
    repository: ModuleType, tmp_path: Path, text: str, complete: bool
) -> None:
    (tmp_path / "model" / "1").mkdir(parents=True)
    (tmp_path / "model" / "1" / "model.onnx").touch()
    (tmp_path / "model" / "config.pbtxt").write_text(text)
    assert [model.complete for model in repository.read([tmp_path])] == [complete]
