"""`kserve.protocol.infer_type`: tensors, requests, responses, and the functions that go with them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from modelapi.codec.datatypes import deserialize_bytes, serialize_bytes
from modelapi.codec.v2_json import plain_parameters
from modelapi.types import InferInput, InferOutput, InferRequest, InferResponse, RequestedOutput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelapi.codec.datatypes import Buffer


def serialize_byte_tensor(input_tensor: "NDArray[Any]") -> "NDArray[np.object_]":
    """The raw contents of a BYTES tensor, as the one element of an object array (tritonclient's form)."""
    array: NDArray[np.object_] = np.empty(1 if input_tensor.size else 0, dtype=np.object_)
    if input_tensor.size:
        array[0] = serialize_bytes(input_tensor)
    return array


def deserialize_bytes_tensor(encoded_tensor: "Buffer") -> "NDArray[np.object_]":
    """The elements of a BYTES tensor's raw contents."""
    return deserialize_bytes(encoded_tensor)


def get_content(datatype: str, data: Any) -> list[Any]:
    """The values of an InferTensorContents."""
    from modelapi.codec import v2_grpc

    return v2_grpc.values_of(data, datatype)


def to_grpc_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values as protobuf InferParameters."""
    from modelapi.codec import v2_grpc

    return {key: v2_grpc.to_parameter(key, value) for key, value in parameters.items()}


def to_http_parameters(parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Protobuf InferParameters, or plain values, as plain values."""
    return plain_parameters(parameters)


def _contains_fp16_datatype(infer_response: InferResponse) -> bool:
    return any(tensor.datatype == "FP16" for tensor in infer_response.outputs)


__all__ = [
    "InferInput",
    "InferOutput",
    "InferRequest",
    "InferResponse",
    "RequestedOutput",
    "deserialize_bytes_tensor",
    "get_content",
    "serialize_byte_tensor",
    "to_grpc_parameters",
    "to_http_parameters",
]
