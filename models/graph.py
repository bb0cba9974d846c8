"""Writing an ONNX model that is one chain of nodes, from `INPUT__0` to `OUTPUT__0`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

INPUT, OUTPUT = "INPUT__0", "OUTPUT__0"
OPSET = 17
IR_VERSION = 8  # the oldest that opset 17 allows, so that older runtimes load it


class Chain:
    """Nodes added one after the other; each takes what the last one gave. The batch size stays open."""

    def __init__(self, name: str, picture: tuple[int, int, int], scores: int) -> None:
        self._name, self._picture, self._scores = name, picture, scores
        self._nodes: list[Any] = []
        self._weights: list[TensorProto] = []
        self._last = INPUT

    def node(self, kind: str, *weights: NDArray[np.float32], **attributes: Any) -> None:
        """One node of this ONNX operator with its weights after the data input."""
        names = []
        for weight in weights:
            names.append(f"weight_{len(self._weights)}")
            self._weights.append(numpy_helper.from_array(np.ascontiguousarray(weight, np.float32), names[-1]))
        result = f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, [self._last, *names], [result], name=result, **attributes))
        self._last = result

    def conv(self, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        """A convolution without padding; weight [filters, channels, height, width]."""
        self.node("Conv", weight, bias, kernel_shape=list(weight.shape[2:]))

    def dense(self, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        """A dense layer; weight [inputs, outputs]."""
        self.node("Gemm", weight, bias)

    def model(self) -> ModelProto:
        """The checked model; the same weights give the same bytes."""
        self._nodes[-1].output[0] = OUTPUT
        inputs = [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", *self._picture])]
        outputs = [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", self._scores])]
        graph = helper.make_graph(self._nodes, self._name, inputs, outputs, initializer=self._weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="kserve-local")
        model.ir_version = IR_VERSION
        checker.check_model(model, full_check=True)
        return model
