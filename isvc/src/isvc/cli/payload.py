"""A request body in the form a protocol takes, from the form the user has. Pure.

A V1 body becomes one V2 tensor: pictures (`{"image": {"b64": ...}}` and `{"b64": ...}`) and texts one BYTES element
each, numbers FP32 in the shape they are nested in.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

from isvc.errors import InputError

_TENSOR = "input-0"

_CONTENTS = {
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "INT64": "int64_contents",
    "UINT64": "uint64_contents",
    "BOOL": "bool_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""The field of InferTensorContents that holds a datatype (Open Inference Protocol, gRPC)."""


def parse(data: bytes, file: str) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except ValueError as exc:
        raise InputError(f"{file}: not JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise InputError(f'{file}: a request body is an object with "instances" (V1) or "inputs" (V2)')
    return body


def v1(body: Mapping[str, Any], file: str) -> bytes:
    if "instances" not in body:
        raise InputError(f'{file}: a V1 body has "instances"; --protocol v2 sends one with "inputs"')
    return json.dumps(body).encode()


def v2(body: Mapping[str, Any], file: str) -> bytes:
    return json.dumps(_v2_body(body, file)).encode()


def grpc(body: Mapping[str, Any], model_name: str, file: str) -> dict[str, Any]:
    """The JSON form of a ModelInferRequest, as grpcurl takes it: BYTES elements are base64."""
    inputs = [_grpc_tensor(tensor, file) for tensor in _v2_body(body, file)["inputs"]]
    return {"model_name": model_name, "inputs": inputs}


def _v2_body(body: Mapping[str, Any], file: str) -> dict[str, Any]:
    if isinstance(body.get("inputs"), list):
        return dict(body)
    instances = body.get("instances")
    if not isinstance(instances, list) or not instances:
        raise InputError(f'{file}: a body has a list "instances" (V1) or "inputs" (V2) that is not empty')
    return {"inputs": [_tensor(instances, file)]}


def _tensor(instances: Sequence[Any], file: str) -> dict[str, Any]:
    texts = [_text(instance) for instance in instances]
    if all(text is not None for text in texts):
        return {"name": _TENSOR, "datatype": "BYTES", "shape": [len(texts)], "data": texts}
    shape, numbers = _flatten(instances, file)
    return {"name": _TENSOR, "datatype": "FP32", "shape": shape, "data": numbers}


def _text(instance: Any) -> str | None:
    """The text of an instance that is one, or that wraps one base64 text; None of any other."""
    while isinstance(instance, dict) and len(instance) == 1:
        (instance,) = instance.values()
    return instance if isinstance(instance, str) else None


def _flatten(value: Any, file: str) -> tuple[list[int], list[float]]:
    if isinstance(value, int | float):
        return [], [value]
    if not isinstance(value, list) or not value:
        raise InputError(f"{file}: instances of this form have no V2 tensor; give a V2 body with -i")
    parts = [_flatten(item, file) for item in value]
    if any(shape != parts[0][0] for shape, _ in parts):
        raise InputError(f"{file}: the instances differ in shape, so that they make no tensor")
    return [len(value), *parts[0][0]], [number for _, numbers in parts for number in numbers]


def _grpc_tensor(tensor: Mapping[str, Any], file: str) -> dict[str, Any]:
    try:
        datatype, data = tensor["datatype"], _flat(tensor["data"])
        contents = {_CONTENTS[datatype]: [_base64(item) for item in data] if datatype == "BYTES" else data}
        return {"name": tensor["name"], "datatype": datatype, "shape": tensor["shape"], "contents": contents}
    except (KeyError, TypeError) as exc:
        raise InputError(f"{file}: an input has name, datatype, shape and data; {exc} is missing or unknown") from exc


def _flat(data: Any) -> list[Any]:
    return [item for part in data for item in _flat(part)] if isinstance(data, list) else [data]


def _base64(text: str) -> str:
    """Base64 stays as it is, so that what arrives is the picture itself; other text is encoded."""
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return base64.b64encode(text.encode()).decode()
    return text
