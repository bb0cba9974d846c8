"""The V2 protocol's gRPC messages: `inference.ModelInferRequest` and `inference.ModelInferResponse`.

The only module that imports the protobuf stubs. They are tritonclient's: a second copy of the same message names
cannot be loaded into a process, and a user's process may well have tritonclient in it.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tritonclient.grpc import service_pb2

from modelapi.codec import datatypes, v2_binary, v2_json
from modelapi.errors import InvalidInput
from modelapi.types import InferInput, InferOutput, InferRequest, InferResponse, RequestedOutput, Tensor

if TYPE_CHECKING:
    pass

SERVICE = "inference.GRPCInferenceService"
messages = service_pb2  # every message of the service, for those who serve it or call it

ModelInferRequest = service_pb2.ModelInferRequest
ModelInferResponse = service_pb2.ModelInferResponse
InferTensorContents = service_pb2.InferTensorContents
InferParameter = service_pb2.InferParameter

_RAW_TAG = bytes([service_pb2.ModelInferRequest.RAW_INPUT_CONTENTS_FIELD_NUMBER << 3 | 2])  # 2: length-delimited

# Which field of InferTensorContents holds a datatype (grpc_service.proto). FP16 has none: it travels raw.
_FIELDS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def decode_request(message: Any) -> InferRequest:
    """The request that a message holds; its raw contents are not copied."""
    return InferRequest(
        model_name=message.model_name,
        model_version=message.model_version or None,
        request_id=message.id or None,
        parameters=from_parameters(message.parameters),
        infer_inputs=_decode_tensors(InferInput, message.inputs, message.raw_input_contents, "inputs"),
        request_outputs=[RequestedOutput(output.name, from_parameters(output.parameters)) for output in message.outputs]
        or None,
        from_grpc=True,
    )


def encode_request(request: InferRequest) -> Any:
    """The message of a request; contents go raw, one buffer for each tensor."""
    message = _described(request, request.model_name)
    message.raw_input_contents.extend(_raw(tensor) for tensor in request.inputs)
    return message


def encode_request_chunks(request: InferRequest, model_name: str) -> tuple[v2_binary.Chunk, ...]:
    """What `encode_request` gives, serialised, in pieces of which raw contents are not copied.

    `model_name` is for a request that names no model. A field may stand anywhere in a message (Protocol Buffers,
    "Encoding", "Last One Wins"), so raw contents follow the rest, each after its tag and its length.
    """
    chunks: list[v2_binary.Chunk] = [_described(request, request.model_name or model_name).SerializeToString()]
    for tensor in request.inputs:
        raw = v2_binary.raw_of(tensor)
        chunks += (_RAW_TAG + _varint(len(raw)), raw)
    return tuple(chunks)


def _described(request: InferRequest, model_name: str) -> Any:
    """The message of a request without contents."""
    message = service_pb2.ModelInferRequest(
        model_name=model_name,
        model_version=request.model_version or "",
        id=request.id or "",
    )
    _set_parameters(message.parameters, request.parameters, ("binary_data_output",))
    for tensor in request.inputs:
        entry = message.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        _set_parameters(entry.parameters, tensor.parameters, ("binary_data_size",))
    for output in request.request_outputs or ():
        wanted = message.outputs.add(name=output.name)
        _set_parameters(wanted.parameters, output.parameters, ("binary_data",))
    return message


def decode_response(message: Any) -> InferResponse:
    """The response that a message holds; its raw contents are not copied."""
    return InferResponse(
        response_id=message.id or None,
        model_name=message.model_name,
        model_version=message.model_version or None,
        parameters=from_parameters(message.parameters),
        infer_outputs=_decode_tensors(InferOutput, message.outputs, message.raw_output_contents, "outputs"),
        from_grpc=True,
    )


def encode_response(response: InferResponse, raw: bool = True) -> Any:
    """The message of a response.

    Contents go raw; with `raw=False` (the caller sent typed contents) they go typed, unless a tensor was set as raw
    or is FP16, which has no typed form.
    """
    message = service_pb2.ModelInferResponse(
        model_name=response.model_name,
        model_version=response.model_version or "",
        id=response.id or "",
    )
    _set_parameters(message.parameters, response.parameters)
    tensors = v2_json.chosen_outputs(response)
    if raw or any(tensor.raw is not None or tensor.datatype == "FP16" for tensor in tensors):
        _add_raw(message, tensors)
    else:
        _add_typed(message, tensors)
    return message


def values_of(contents: Any, datatype: str) -> list[Any]:
    """The values of an InferTensorContents; InvalidInput if the datatype has no typed form."""
    try:
        return list(getattr(contents, _FIELDS[datatype]))
    except KeyError:
        raise InvalidInput(f"{datatype} has no typed contents: send it in raw_input_contents.") from None


def from_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of a map of InferParameter."""
    return v2_json.plain_parameters(parameters) if parameters else {}


def to_parameter(key: str, value: Any) -> Any:
    """The InferParameter of a plain value."""
    if isinstance(value, InferParameter):
        return value
    match value:
        case bool():
            return InferParameter(bool_param=value)
        case int():
            return InferParameter(int64_param=value)
        case str():
            return InferParameter(string_param=value)
        case float():
            return InferParameter(double_param=value)
    raise InvalidInput(f"parameter {key!r}: a {type(value).__name__} does not fit in a gRPC parameter.")


def _set_parameters(target: Any, parameters: Mapping[str, Any] | None, leave_out: Sequence[str] = ()) -> None:
    for key, value in (parameters or {}).items():
        if key not in leave_out and value is not None:
            target[key].CopyFrom(to_parameter(key, value))


def _varint(number: int) -> bytes:
    """A length as protobuf writes it: seven bits a byte, the lowest first, the top bit set on all but the last."""
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _decode_tensors(kind: type[v2_json.T], entries: Any, raws: Any, field: str) -> list[v2_json.T]:
    if raws and len(raws) != len(entries):
        raise InvalidInput(f"{len(raws)} raw contents for {len(entries)} {field}: there must be one for each.")
    if raws:
        return [_raw_tensor(kind, entry, raw) for entry, raw in zip(entries, raws, strict=True)]
    return [_typed_tensor(kind, entry) for entry in entries]


def _raw_tensor(kind: type[v2_json.T], entry: Any, raw: bytes) -> v2_json.T:
    if entry.HasField("contents"):
        raise InvalidInput(f"tensor {entry.name!r} has contents, and the message has raw contents; send one of them.")
    _check_header(entry)
    return kind(entry.name, entry.shape, entry.datatype, raw, from_parameters(entry.parameters))


def _typed_tensor(kind: type[v2_json.T], entry: Any) -> v2_json.T:
    _check_header(entry)
    values = values_of(entry.contents, entry.datatype)
    return kind(entry.name, entry.shape, entry.datatype, values, from_parameters(entry.parameters))


def _check_header(entry: Any) -> None:
    datatypes.to_numpy_dtype(entry.datatype)
    if any(size < 0 for size in entry.shape):
        raise InvalidInput(f"tensor {entry.name!r}: shape {list(entry.shape)} has a negative size.")


def _raw(tensor: Tensor) -> bytes:
    """Protobuf takes `bytes` alone: the one copy of a tensor on this wire."""
    raw = v2_binary.raw_of(tensor)
    return raw if isinstance(raw, bytes) else bytes(raw)


def _add_raw(message: Any, tensors: Sequence[InferOutput]) -> None:
    for tensor in tensors:
        entry = message.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        raw = _raw(tensor)
        _set_parameters(entry.parameters, tensor.parameters, ("binary_data_size",))
        message.raw_output_contents.append(raw)


def _add_typed(message: Any, tensors: Sequence[InferOutput]) -> None:
    for tensor in tensors:
        entry = message.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        _set_parameters(entry.parameters, tensor.parameters, ("binary_data_size",))
        getattr(entry.contents, _FIELDS[tensor.datatype]).extend(_typed_values(tensor))


def _typed_values(tensor: InferOutput) -> list[Any]:
    values: list[Any] = tensor.as_numpy().ravel().tolist()
    if tensor.datatype == "BYTES":
        return [value if isinstance(value, bytes) else str(value).encode() for value in values]
    return values
