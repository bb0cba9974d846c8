"""Writes `repository/picture/1/model.onnx`: a mean per channel and ten sums of the three, so that answers depend on the
picture and the model itself costs next to nothing. Needs `onnx`.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MODEL = Path(__file__).parent / "repository/picture/1/model.onnx"


def build() -> onnx.ModelProto:
    weights = np.linspace(-1, 1, 30, dtype=np.float32).reshape(3, 10)
    nodes = [
        helper.make_node("GlobalAveragePool", ["INPUT__0"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["means"]),
        helper.make_node("MatMul", ["means", "weights"], ["OUTPUT__0"]),
    ]
    graph = helper.make_graph(
        nodes,
        "picture",
        [helper.make_tensor_value_info("INPUT__0", TensorProto.FLOAT, ["N", 3, "H", "W"])],
        [helper.make_tensor_value_info("OUTPUT__0", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model


if __name__ == "__main__":
    MODEL.write_bytes(build().SerializeToString())
