"""Triton's `pytorch` backend as a Python-based one: serves TorchScript, `<model>/<version>/model.pt`, with torch.

Inputs and outputs are matched as Triton's own backend does: `NAME__<index>` by index, other names in the order of the
configuration. `default_model_filename` is read from it too.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

sys.path += filter(None, [os.environ.get("TORCH_PACKAGES")])  # set by serve.py

import torch  # in an environment of its own
import triton_python_backend_utils as pb_utils

_INDEXED = re.compile(r".+__(\d+)")


class TritonPythonModel:
    """What Triton's Python backend asks for. One object per model instance, called from one thread."""

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        name = config.get("default_model_filename") or "model.pt"
        path = Path(args["model_repository"], args["model_version"], name)
        self._model = torch.jit.load(str(path), map_location="cpu").eval()
        self._inputs = in_order([tensor["name"] for tensor in config["input"]])
        self._outputs = in_order([tensor["name"] for tensor in config["output"]])

    def execute(self, requests: list[Any]) -> list[Any]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        try:
            outputs = self._run(request)
        except Exception as exc:  # noqa: BLE001  # this request's failure, whatever it is; others go on
            return pb_utils.InferenceResponse(output_tensors=[], error=pb_utils.TritonError(str(exc)))
        wanted = set(request.requested_output_names())
        tensors = [
            pb_utils.Tensor(name, tensor.contiguous().numpy())
            for name, tensor in zip(self._outputs, outputs, strict=False)
            if name in wanted
        ]
        return pb_utils.InferenceResponse(output_tensors=tensors)

    def _run(self, request: Any) -> list[Any]:
        tensors = (pb_utils.get_input_tensor_by_name(request, name) for name in self._inputs)
        # A tensor of torch may be written to; Triton's memory may not.
        feeds = [torch.from_numpy(tensor.as_numpy().copy()) for tensor in tensors if tensor is not None]
        with torch.inference_mode():
            answer = self._model(*feeds)
        outputs = [answer] if isinstance(answer, torch.Tensor) else list(answer)
        if len(outputs) < len(self._outputs):
            raise ValueError(f"config.pbtxt names {len(self._outputs)} outputs, and the model gave {len(outputs)}")
        return outputs


def in_order(names: list[str]) -> list[str]:
    """`names` by the index at their end if all have one; otherwise as they stand."""
    matches = [_INDEXED.fullmatch(name) for name in names]
    if not all(matches):
        return names
    return sorted(names, key=lambda name: int(name.rpartition("__")[2]))
