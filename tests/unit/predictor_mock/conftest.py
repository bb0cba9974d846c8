"""Small ONNX models and model directories, made by the tests themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from onnx import TensorProto, helper

Write = Callable[..., Path]

HANDLER = """
from ts.torch_handler.base_handler import BaseHandler

class Doubled(BaseHandler):
    def postprocess(self, data):
        return [float(row[0]) for row in data]
"""


def graph(op: str = "Add", datatype: int = TensorProto.FLOAT, shape: tuple[str | int, ...] = ("batch", 2)) -> bytes:
    """`y = x <op> x`, of one datatype and shape."""
    inputs = [helper.make_tensor_value_info("x", datatype, shape)]
    outputs = [helper.make_tensor_value_info("y", datatype, shape)]
    node = helper.make_node(op, ["x"] if op == "Identity" else ["x", "x"], ["y"])
    made = helper.make_graph([node], "graph", inputs, outputs)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    content: bytes = model.SerializeToString()
    return content


def config(name: str = "adder", platform: str = "onnxruntime_onnx", datatype: str = "TYPE_FP32", batch: int = 4) -> str:
    return f"""
    name: "{name}" platform: "{platform}" max_batch_size: {batch}
    input [ {{ name: "x" data_type: {datatype} dims: [ 2 ] }} ]
    output [ {{ name: "y" data_type: {datatype} dims: [ 2 ] }} ]
    """


def archive(path: Path, *, handler: str = HANDLER, model: bytes | None = None, name: str = "model.onnx") -> Path:
    """A `.mar` with a handler and, if there is one, a model."""
    path.parent.mkdir(parents=True, exist_ok=True)
    manifest = {"modelName": path.stem, "handler": "handler.py", **({"serializedFile": name} if model else {})}
    with ZipFile(path, "w") as mar:
        mar.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": manifest}))
        mar.writestr("handler.py", handler)
        if model:
            mar.writestr(name, model)
    return path


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file below the test's folder."""

    def write(path: str, content: str | bytes = b"") -> Path:
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    return write
