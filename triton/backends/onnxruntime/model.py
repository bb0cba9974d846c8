"""Triton's `onnxruntime` backend as a Python-based one: serves `<model>/<version>/model.onnx` with onnxruntime.

Read from the model's configuration: `default_model_filename`, the outputs, and the parameters `intra_op_thread_count`
and `inter_op_thread_count`, with the meaning they have in Triton's own backend. A model without a config.pbtxt gets its
inputs and outputs from the file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils

_TYPES = {
    "tensor(bool)": "TYPE_BOOL",
    "tensor(uint8)": "TYPE_UINT8",
    "tensor(uint16)": "TYPE_UINT16",
    "tensor(uint32)": "TYPE_UINT32",
    "tensor(uint64)": "TYPE_UINT64",
    "tensor(int8)": "TYPE_INT8",
    "tensor(int16)": "TYPE_INT16",
    "tensor(int32)": "TYPE_INT32",
    "tensor(int64)": "TYPE_INT64",
    "tensor(float16)": "TYPE_FP16",
    "tensor(float)": "TYPE_FP32",
    "tensor(double)": "TYPE_FP64",
    "tensor(string)": "TYPE_STRING",
}


class TritonPythonModel:
    """What Triton's Python backend asks for. One object per model instance, called from one thread."""

    @staticmethod
    def auto_complete_config(auto_complete_model_config: Any) -> Any:
        """The configuration with the inputs and outputs of the file, where it declares none."""
        declared = auto_complete_model_config.as_dict()
        if declared.get("input") and declared.get("output"):
            return auto_complete_model_config
        session = _session(_newest_file(declared), {})
        batches = all(_batches(node) for node in (*session.get_inputs(), *session.get_outputs()))
        if batches and not declared.get("max_batch_size"):
            auto_complete_model_config.set_max_batch_size(4)  # Triton's own default when it completes a model
        for node in session.get_inputs():
            auto_complete_model_config.add_input(_described(node, batches))
        for node in session.get_outputs():
            auto_complete_model_config.add_output(_described(node, batches))
        return auto_complete_model_config

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        name = config.get("default_model_filename") or "model.onnx"
        self._session = _session(Path(args["model_repository"], args["model_version"], name), config)
        self._inputs = [node.name for node in self._session.get_inputs()]
        known = {node.name for node in self._session.get_outputs()}
        self._outputs = [output["name"] for output in config["output"]]
        unknown = [name for name in self._outputs if name not in known]
        if unknown:
            raise pb_utils.TritonModelException(
                f"config.pbtxt names the output {unknown[0]}, and the model has {', '.join(sorted(known))}"
            )

    def execute(self, requests: list[Any]) -> list[Any]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        wanted = [name for name in self._outputs if name in set(request.requested_output_names())]
        try:
            arrays = self._session.run(wanted, self._feeds(request))
        except Exception as exc:  # noqa: BLE001  # this request's failure, whatever it is; others go on
            return pb_utils.InferenceResponse(output_tensors=[], error=pb_utils.TritonError(str(exc)))
        tensors = [pb_utils.Tensor(name, _for_triton(array)) for name, array in zip(wanted, arrays, strict=True)]
        return pb_utils.InferenceResponse(output_tensors=tensors)

    def _feeds(self, request: Any) -> dict[str, Any]:
        tensors = ((name, pb_utils.get_input_tensor_by_name(request, name)) for name in self._inputs)
        return {name: _for_onnx(tensor.as_numpy()) for name, tensor in tensors if tensor is not None}


def _session(path: Path, config: dict[str, Any]) -> onnxruntime.InferenceSession:
    parameters = config.get("parameters", {})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(parameters.get("intra_op_thread_count", {}).get("string_value", 0))
    options.inter_op_num_threads = int(parameters.get("inter_op_thread_count", {}).get("string_value", 0))
    # Threads that spin between requests take the cores from everything else that runs on the machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _for_onnx(array: Any) -> Any:
    """Triton's BYTES are bytes, onnxruntime's strings are text."""
    if array.dtype != np.object_:
        return array
    return np.array([item.decode() for item in array.ravel()], dtype=object).reshape(array.shape)


def _for_triton(array: Any) -> Any:
    if array.dtype != np.object_:
        return array
    return np.array([item.encode() for item in array.ravel()], dtype=object).reshape(array.shape)


def _newest_file(config: dict[str, Any]) -> Path:
    """The file of the newest version. Triton does not say where a model is while it completes the configuration."""
    name = config.get("default_model_filename") or "model.onnx"
    repositories = os.environ.get("MODEL_REPOSITORIES", "").split(os.pathsep)  # set by serve.py
    found = (file for repository in repositories for file in Path(repository, config["name"]).glob(f"*/{name}"))
    files = [file for file in found if file.parent.name.isdigit()]
    if not files:
        raise pb_utils.TritonModelException(f"no version of {config['name']} has a {name}")
    return max(files, key=lambda file: int(file.parent.name))


def _batches(node: Any) -> bool:
    return bool(node.shape) and not isinstance(node.shape[0], int)


def _described(node: Any, batches: bool) -> dict[str, Any]:
    shape = [size if isinstance(size, int) else -1 for size in node.shape]
    return {"name": node.name, "data_type": _TYPES[node.type], "dims": shape[1:] if batches else shape}
