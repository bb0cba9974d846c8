"""ModelInfer over gRPC (Open Inference Protocol). The one module of isvc that knows gRPC."""

from __future__ import annotations

import struct
from typing import Any

import grpc
from google.protobuf import json_format
from tritonclient.grpc import service_pb2, service_pb2_grpc

from isvc.errors import InputError, StackError

_FORMATS = {
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "BOOL": "?",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}


def infer(address: str, authority: str, request: dict[str, Any], timeout: float) -> dict[str, Any]:
    """The answer as a V2 JSON body. Raises InputError for what is no ModelInferRequest, StackError where it fails."""
    try:
        message = json_format.ParseDict(request, service_pb2.ModelInferRequest())
    except json_format.ParseError as exc:
        raise InputError(f"not a request that gRPC can carry: {exc}") from exc
    options = [("grpc.default_authority", authority), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(address, options=options) as channel:
        try:
            answer = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(message, timeout=timeout)
        except grpc.RpcError as exc:
            raise StackError(f"{authority} answered {exc.code().name}: {exc.details()}") from exc
    return _body(answer)


def _body(answer: Any) -> dict[str, Any]:
    outputs = [_output(answer, index) for index in range(len(answer.outputs))]
    return {"model_name": answer.model_name, "outputs": outputs}


def _output(answer: Any, index: int) -> dict[str, Any]:
    tensor = answer.outputs[index]
    raw = answer.raw_output_contents
    data = _unpack(tensor.datatype, raw[index]) if raw else _contents(tensor)
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape), "data": data}


def _contents(tensor: Any) -> list[Any]:
    values = [value for _, field in tensor.contents.ListFields() for value in field]
    return [value.decode(errors="replace") if isinstance(value, bytes) else value for value in values]


def _unpack(datatype: str, raw: bytes) -> list[Any]:
    if datatype == "BYTES":
        return _unpack_bytes(raw)
    code = _FORMATS.get(datatype)
    return [] if code is None else [value for (value,) in struct.iter_unpack(f"<{code}", raw)]


def _unpack_bytes(raw: bytes) -> list[str]:
    """Elements, each headed by its length in four bytes, little-endian."""
    elements, start = [], 0
    while start < len(raw):
        (length,) = struct.unpack_from("<I", raw, start)
        elements.append(raw[start + 4 : start + 4 + length].decode(errors="replace"))
        start += 4 + length
    return elements
