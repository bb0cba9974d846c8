"""One input, said in each arm's way: a picture's file for the transformer, an FP32 tensor for the predictor. Pure.

Bodies are written by hand and with tritonclient's messages, not with the Model API: the client is nobody's friend.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from tritonclient.grpc.service_pb2 import ModelInferRequest, ModelInferResponse

from benchmark.compare.arms import ArmName
from benchmark.compare.load.connection import METHOD

Tensor = NDArray[np.float32]
_JSON = {"Content-Type": "application/json"}
_DTYPES = {"FP32": "<f4", "FP64": "<f8", "INT64": "<i8", "INT32": "<i4", "UINT8": "u1"}


class AnswerUnreadable(Exception):
    """An answer that holds no numbers; the message says what it holds."""


@dataclass(frozen=True)
class Message:
    """A request: `transport` is http or grpc; for gRPC, `path` is the method and there are no headers."""

    transport: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def picture(wire: ArmName, file: bytes, model: str) -> Message:
    """A picture's file, as a transformer takes it."""
    text = base64.b64encode(file).decode()
    element = len(file).to_bytes(4, "little") + file
    match wire:
        case "v1":
            return _v1(model, _compact({"instances": [{"image": {"b64": text}}]}))
        case "v2-json":
            return _v2_json(model, {"name": "image", "shape": [1], "datatype": "BYTES", "data": [text]})
        case "v2-binary":
            return _v2_binary(model, {"name": "image", "shape": [1], "datatype": "BYTES"}, element)
        case "grpc":
            return _grpc(model, "image", [1], "BYTES", element)


def tensor(wire: ArmName, values: Tensor, model: str, name: str = "INPUT__0") -> Message:
    """A tensor, as a predictor takes it."""
    shape = list(values.shape)
    match wire:
        case "v1":
            return _v1(model, _compact({"instances": [{"data": one.tolist()} for one in values]}))
        case "v2-json":
            flat = values.ravel().tolist()
            return _v2_json(model, {"name": name, "shape": shape, "datatype": "FP32", "data": flat})
        case "v2-binary":
            return _v2_binary(model, {"name": name, "shape": shape, "datatype": "FP32"}, values.tobytes())
        case "grpc":
            return _grpc(model, name, shape, "FP32", values.tobytes())


def numbers(wire: ArmName, body: bytes, json_length: str = "") -> NDArray[np.float64]:
    """The numbers of an answer, flat. Raises AnswerUnreadable."""
    try:
        found = _grpc_numbers(body) if wire == "grpc" else _rest_numbers(body, json_length)
    except (ValueError, KeyError, IndexError, TypeError, DecodeError) as exc:
        raise AnswerUnreadable(f"no numbers in the answer: {body[:160]!r}") from exc
    if not found.size:
        raise AnswerUnreadable(f"no numbers in the answer: {body[:160]!r}")
    return found


def _rest_numbers(body: bytes, json_length: str) -> NDArray[np.float64]:
    length = int(json_length) if json_length else len(body)
    fields = json.loads(body[:length])
    if "predictions" in fields:
        return np.asarray(fields["predictions"], dtype=float).ravel()
    output = fields["outputs"][0]
    if "data" in output:
        return np.asarray(output["data"], dtype=float).ravel()
    return np.frombuffer(body[length:], _DTYPES[output["datatype"]]).astype(float)


def _grpc_numbers(body: bytes) -> NDArray[np.float64]:
    answer = ModelInferResponse.FromString(body)
    output = answer.outputs[0]
    if answer.raw_output_contents:
        return np.frombuffer(answer.raw_output_contents[0], _DTYPES[output.datatype]).astype(float)
    contents = output.contents
    typed = (contents.fp32_contents, contents.fp64_contents, contents.int64_contents, contents.int_contents)
    return np.asarray(next(values for values in typed if values), dtype=float)


def _v1(model: str, body: bytes) -> Message:
    return Message("http", f"/v1/models/{model}:predict", _JSON, body)


def _v2_json(model: str, fields: dict[str, Any]) -> Message:
    return Message("http", f"/v2/models/{model}/infer", _JSON, _compact({"inputs": [fields]}))


def _v2_binary(model: str, fields: dict[str, Any], raw: bytes) -> Message:
    fields = {**fields, "parameters": {"binary_data_size": len(raw)}}
    head = _compact({"inputs": [fields], "parameters": {"binary_data_output": True}})
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    return Message("http", f"/v2/models/{model}/infer", headers, head + raw)


def _grpc(model: str, name: str, shape: list[int], datatype: str, raw: bytes) -> Message:
    fact = ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=shape)
    request = ModelInferRequest(model_name=model, inputs=[fact], raw_input_contents=[raw])
    return Message("grpc", METHOD, {}, request.SerializeToString())


def _compact(fields: object) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()
