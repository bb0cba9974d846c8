"""TorchServe handlers, run by the stand-in."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from modelapi.errors import InvalidInput
from predictor_mock import handlers
from predictor_mock.errors import BrokenModel

from .conftest import Write, archive, graph


def loaded(tmp_path: Path, handler: str, check: Any = lambda _: None) -> Any:
    """A function of rows, from a handler's source."""
    packed = archive(tmp_path / "m.mar", handler=handler, model=graph())
    handle, context = handlers.load(handlers.unpack(packed, tmp_path / "unpacked"), check)
    return lambda rows: handle(rows, context)


BASE = "from ts.torch_handler.base_handler import BaseHandler\n"


def test_the_base_handlers_own_steps_run_the_onnx_model(tmp_path: Path) -> None:
    call = loaded(tmp_path, BASE + "class H(BaseHandler):\n    pass\n")

    assert call([{"data": [1, 2]}, {"body": [3, 4]}, [5, 6]]) == [[2, 4], [6, 8], [10, 12]]


def test_a_handlers_own_steps_take_the_place_of_the_base_handlers(tmp_path: Path) -> None:
    call = loaded(
        tmp_path,
        BASE + "class H(BaseHandler):\n    def postprocess(self, data):\n"
        "        return [self.manifest['model']['modelName']]\n",
    )

    assert call([[1, 2]]) == ["m"]


def test_a_function_serves_as_a_handler_and_is_called_once_to_initialize(tmp_path: Path) -> None:
    call = loaded(tmp_path, "calls = []\ndef handle(data, context):\n    calls.append(data)\n    return calls\n")

    assert call([1]) == [None, [1]]


def test_a_handler_imports_the_files_beside_it_and_leaves_no_trace(tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    (folder / "beside_the_handler.py").write_text("ANSWER = 42\n")
    before = list(sys.path)

    call = loaded(
        tmp_path,
        "from beside_the_handler import ANSWER\nimport ts.torch_handler.base_handler\n"
        "def handle(data, context):\n    return [ANSWER]\n",
    )

    assert call([]) == [42]
    assert sys.path == before
    assert not [name for name in sys.modules if name == "ts" or name.startswith("ts.")]


def test_what_preprocess_gives_is_checked_before_it_is_used(tmp_path: Path) -> None:
    seen: list[Any] = []
    call = loaded(tmp_path, BASE + "class H(BaseHandler):\n    pass\n", check=seen.append)

    call([[1, 2]])

    np.testing.assert_array_equal(seen[0], [[1, 2]])


def test_rows_that_a_handler_cannot_read_are_the_callers_mistake(tmp_path: Path) -> None:
    call = loaded(
        tmp_path, BASE + "class H(BaseHandler):\n    def preprocess(self, data):\n        return data[0]['x']\n"
    )

    with pytest.raises(InvalidInput, match="handler cannot read the request: KeyError: 'x'"):
        call([{"y": 1}])


@pytest.mark.parametrize(
    ("handler", "error", "message"),
    [
        ("import torch\n", handlers.HandlerNotRunnable, "its handler needs torch, which is not installed"),
        ("def (:\n", BrokenModel, r"handler\.py: line 1"),
        ("x = 1\n", BrokenModel, "this one has 0 classes"),
        ("class A: pass\nclass B: pass\n", BrokenModel, "this one has 2 classes"),
    ],
)
def test_a_handler_that_cannot_run_says_why(
    tmp_path: Path, handler: str, error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)

    with pytest.raises(error, match=message):
        loaded(tmp_path, handler)


def test_one_of_torchserves_own_handlers_cannot_run(tmp_path: Path) -> None:
    packed = handlers.Archive(tmp_path, "image_classifier", None)

    with pytest.raises(handlers.HandlerNotRunnable, match="'image_classifier' is a handler of TorchServe's own"):
        handlers.load(packed, lambda _: None)


def test_a_file_that_is_no_archive_is_named(write: Write, tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match=r"m\.mar: no TorchServe model archive"):
        handlers.unpack(write("m.mar", b"no zip"), tmp_path / "a")


def test_an_archive_whose_manifest_promises_more_than_there_is_is_named(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "m.mar", "w") as mar:
        manifest = {"model": {"handler": "handler.py", "serializedFile": "model.onnx"}}
        mar.writestr("MAR-INF/MANIFEST.json", json.dumps(manifest))

    with pytest.raises(BrokenModel, match=r"manifest names 'model\.onnx', which is not in it"):
        handlers.unpack(tmp_path / "m.mar", tmp_path / "a")
