"""The V2 protocol's binary tensor data extension: a JSON part, then the raw contents of tensors in the JSON's order.

`Inference-Header-Content-Length` is the length of the JSON part; `parameters.binary_data_size` of a tensor is the
length of its contents (Open Inference Protocol, "Binary Tensor Data Extension"). Decoded tensors are views of the body.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelapi.codec import datatypes, v2_json
from modelapi.errors import InvalidInput
from modelapi.types import InferInput, InferOutput, InferRequest, InferResponse, Tensor

Chunk = bytes | bytearray | memoryview


@dataclass(frozen=True)
class Encoded:
    """A body in pieces that need no joining: the JSON part, then raw contents."""

    chunks: tuple[Chunk, ...]
    json_length: int

    @property
    def length(self) -> int:
        return sum(len(chunk) for chunk in self.chunks)


def decode_request(body: Chunk, json_length: int, model_name: str) -> InferRequest:
    """A request body; InvalidInput if the lengths do not fit the body or it is no inference request."""
    value, binary = _split(body, json_length)
    tensors = v2_json.objects(value, "inputs")
    if not tensors:
        raise InvalidInput("'inputs' is empty: an inference request needs at least one input tensor.")
    take = _Taker(binary)
    request = InferRequest(
        model_name=model_name,
        infer_inputs=[_tensor(InferInput, entry, f"inputs[{i}]", take) for i, entry in enumerate(tensors)],
        request_id=v2_json.optional(value, "id", str, "a string", "the request"),
        parameters=v2_json.optional(value, "parameters", dict, "an object", "the request"),
        request_outputs=v2_json.requested_outputs(value),
        model_version=v2_json.optional(value, "model_version", str, "a string", "the request"),
    )
    take.finish()
    return request


def encode_request(request: InferRequest) -> Encoded:
    """The request with every tensor in binary, and the wish for binary answers unless the request says otherwise."""
    value: dict[str, Any] = {"id": request.id} if request.id is not None else {}
    parameters = v2_json.plain_parameters(request.parameters)
    if not request.request_outputs:
        parameters.setdefault("binary_data_output", True)
    else:
        value["outputs"] = [v2_json.requested_to_dict(output) for output in request.request_outputs]
    if parameters:
        value["parameters"] = parameters
    raws = [raw_of(tensor) for tensor in request.inputs]
    value["inputs"] = [_binary_entry(tensor, raw) for tensor, raw in zip(request.inputs, raws, strict=True)]
    return _encoded(value, raws)


def decode_response(body: Chunk, json_length: int) -> InferResponse:
    """An answer's body; InvalidInput if the lengths do not fit the body or it is no inference response."""
    value, binary = _split(body, json_length)
    tensors = v2_json.objects(value, "outputs")
    take = _Taker(binary)
    response = InferResponse(
        response_id=v2_json.optional(value, "id", str, "a string", "the response"),
        model_name=v2_json.optional(value, "model_name", str, "a string", "the response") or "",
        model_version=v2_json.optional(value, "model_version", str, "a string", "the response"),
        infer_outputs=[_tensor(InferOutput, entry, f"outputs[{i}]", take) for i, entry in enumerate(tensors)],
        parameters=v2_json.optional(value, "parameters", dict, "an object", "the response"),
    )
    take.finish()
    return response


def wants_binary(response: InferResponse) -> bool:
    """Whether an output has to leave in binary: the caller asked for it."""
    if response.use_binary_outputs:
        return True
    return any(output.binary_data for output in response.requested_outputs or ())


def encode_response(response: InferResponse) -> Encoded:
    """The answer with binary contents where the caller asked for them, JSON elsewhere.

    `use_binary_outputs` (the request's `binary_data_output`) is for every output; an output's own `binary_data` wins.
    """
    asked = {output.name: output.binary_data for output in response.requested_outputs or ()}
    entries: list[dict[str, Any]] = []
    raws: list[Chunk] = []
    for tensor in v2_json.chosen_outputs(response):
        own = asked.get(tensor.name)
        if response.use_binary_outputs if own is None else own:
            raws.append(raw_of(tensor))
            entries.append(_binary_entry(tensor, raws[-1]))
        else:
            entries.append(v2_json.tensor_to_dict(tensor))
    value: dict[str, Any] = {
        "id": response.id,
        "model_name": response.model_name,
        "model_version": response.model_version,
    }
    if response.parameters:
        value["parameters"] = v2_json.plain_parameters(response.parameters)
    value["outputs"] = entries
    return _encoded(value, raws)


class _Taker:
    """Hands out the binary part piece by piece."""

    def __init__(self, binary: memoryview) -> None:
        self._binary = binary
        self._at = 0

    def __call__(self, size: int, where: str) -> memoryview:
        left = len(self._binary) - self._at
        if size > left:
            raise InvalidInput(f"{where}: binary_data_size is {size}, and {left} bytes are left in the body.")
        piece = self._binary[self._at : self._at + size]
        self._at += size
        return piece

    def finish(self) -> None:
        left = len(self._binary) - self._at
        if left:
            raise InvalidInput(f"{left} bytes at the end of the body belong to no tensor: check binary_data_size.")


def _split(body: Chunk, json_length: int) -> tuple[dict[str, Any], memoryview]:
    if not 0 <= json_length <= len(body):
        raise InvalidInput(f"inference-header-content-length is {json_length}, and the body has {len(body)} bytes.")
    view = memoryview(body)
    return v2_json.loads(view[:json_length]), view[json_length:]


def _tensor(kind: type[v2_json.T], value: Any, where: str, take: _Taker) -> v2_json.T:
    tensor = v2_json.tensor_header(kind, value, where)
    size = tensor.parameters.get("binary_data_size")
    if size is None:
        if "data" not in value:
            raise InvalidInput(f"'data' field is missing for {where} ({tensor.name}), and it has no binary_data_size.")
        return v2_json.tensor_from_dict(kind, value, where)
    if type(size) is not int or size < 0:
        raise InvalidInput(f"{where} ({tensor.name}): binary_data_size must be an integer, not negative.")
    if "data" in value:
        raise InvalidInput(f"{where} ({tensor.name}): it has both 'data' and binary_data_size; send one of them.")
    _check_size(tensor, size, where)
    tensor.data = take(size, f"{where} ({tensor.name})")
    return tensor


def _check_size(tensor: Tensor, size: int, where: str) -> None:
    if tensor.datatype == "BYTES":
        return
    expected = datatypes.size_of(tensor.shape) * datatypes.to_numpy_dtype(tensor.datatype).itemsize
    if size != expected:
        raise InvalidInput(
            f"{where} ({tensor.name}): binary_data_size is {size}, and {tensor.datatype} of shape "
            f"{list(tensor.shape)} takes {expected} bytes."
        )


def raw_of(tensor: Tensor) -> Chunk:
    """The raw contents of a tensor, not copied where they lie ready."""
    return tensor.raw if tensor.raw is not None else datatypes.to_raw(tensor.as_numpy(), tensor.datatype)


def _binary_entry(tensor: Tensor, raw: Chunk) -> dict[str, Any]:
    parameters: Mapping[str, Any] = {**v2_json.plain_parameters(tensor.parameters), "binary_data_size": len(raw)}
    return {"name": tensor.name, "shape": tensor.shape, "datatype": tensor.datatype, "parameters": parameters}


def _encoded(value: Mapping[str, Any], raws: list[Chunk]) -> Encoded:
    head = v2_json.dumps(value)
    return Encoded((head, *raws), len(head))
