"""Requests made of a model's own metadata (V2): random tensors of its inputs' shapes. Knows nothing of Locust."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from _payload import PayloadError, Request, _compact, _infer
from numpy.typing import NDArray
from tritonclient.grpc.service_pb2 import ModelInferRequest

_DTYPES = {
    "BOOL": "?",
    "UINT8": "u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
_SECONDS = 10.0
_SEED = 7


@dataclass(frozen=True, slots=True)
class Tensor:
    name: str
    datatype: str
    values: NDArray[Any]

    def fact(self, **more: object) -> dict[str, Any]:
        return {"name": self.name, "shape": list(self.values.shape), "datatype": self.datatype, **more}


@dataclass(frozen=True, slots=True)
class Tensors:
    """Inputs of numbers, in each of the forms in which they can be sent."""

    inputs: tuple[Tensor, ...]

    def v1(self, model: str) -> Request:
        """Instances of the first input; V1 has no names."""
        instances = [{"data": one.tolist()} for one in self.inputs[0].values]
        return Request(
            f"/v1/models/{model}:predict", {"Content-Type": "application/json"}, _compact({"instances": instances})
        )

    def v2_json(self, model: str) -> Request:
        inputs = [one.fact(data=one.values.ravel().tolist()) for one in self.inputs]
        return Request(_infer(model), {"Content-Type": "application/json"}, _compact({"inputs": inputs}))

    def v2_binary(self, model: str) -> Request:
        inputs = [one.fact(parameters={"binary_data_size": one.values.nbytes}) for one in self.inputs]
        head = _compact({"inputs": inputs, "parameters": {"binary_data_output": True}})
        headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
        return Request(_infer(model), headers, head + b"".join(one.values.tobytes() for one in self.inputs))

    def v2_grpc(self, model: str) -> Request:
        inputs = [ModelInferRequest.InferInputTensor(**one.fact()) for one in self.inputs]
        raw = [one.values.tobytes() for one in self.inputs]
        message = ModelInferRequest(model_name=model, inputs=inputs, raw_input_contents=raw)
        return Request("/inference.GRPCInferenceService/ModelInfer", {}, message.SerializeToString())


def synthesise(metadata: Any, model: str) -> Tensors:
    """Raises PayloadError where the metadata names no inputs, or some that numbers cannot fill."""
    inputs = metadata.get("inputs") if isinstance(metadata, dict) else None
    if not inputs:
        raise PayloadError(f"The metadata of {model} names no inputs; give a V1 body with --input.")
    return Tensors(tuple(_tensor(one, model) for one in inputs))


def _tensor(fact: Any, model: str) -> Tensor:
    """Dimensions that may be anything are 1; numbers are random, and the same in every run."""
    name, datatype, shape = fact["name"], fact["datatype"], fact["shape"]
    if datatype not in _DTYPES:
        raise PayloadError(f"The input {name} of {model} is {datatype}, which is not synthesised; use --input.")
    numbers = np.random.default_rng(_SEED).random([1 if size < 0 else size for size in shape])
    return Tensor(name, datatype, (numbers * 2).astype(_DTYPES[datatype]))


def metadata(url: str, host: str, model: str) -> Any:
    """What the service at `url` says of the model. Raises PayloadError."""
    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.netloc}/v2/models/{model}"
    link: http.client.HTTPConnection = (
        http.client.HTTPSConnection(parts.netloc, timeout=_SECONDS, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.netloc, timeout=_SECONDS)
    )
    try:
        link.request("GET", f"/v2/models/{model}", headers={"Host": host or parts.netloc})
        answer = link.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise PayloadError(f"{place} answered {answer.status}: {body[:200].decode(errors='replace')}")
        return json.loads(body)
    except (OSError, http.client.HTTPException, ValueError) as exc:
        raise PayloadError(f"{place} gives no metadata: {exc}") from exc
    finally:
        link.close()
