"""The V2 protocol's JSON bodies (Open Inference Protocol, "Inference": request and response JSON objects).

The order of keys and the nulls of an answer are those of KServe's server. Validation is by hand: one pass, messages
that name the field. A tensor's `data` is checked against its shape here, its values when they are read as an array.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import orjson

from modelapi.codec import datatypes
from modelapi.errors import InvalidInput, OutputUnavailable
from modelapi.types import InferInput, InferOutput, InferRequest, InferResponse, RequestedOutput, Tensor

T = TypeVar("T", bound=Tensor)
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY


def decode_request(body: bytes | bytearray | memoryview, model_name: str) -> InferRequest:
    """A request body; InvalidInput if it is no JSON or no inference request."""
    return request_from_dict(loads(body), model_name)


def encode_request(request: InferRequest) -> bytes:
    """The request's body, every tensor as JSON."""
    return dumps(request_to_dict(request))


def decode_response(body: bytes | bytearray | memoryview) -> InferResponse:
    """An answer's body; InvalidInput if it is no JSON or no inference response."""
    return response_from_dict(loads(body))


def encode_response(response: InferResponse) -> bytes:
    """The answer's body, every tensor as JSON."""
    return dumps(response_to_dict(response))


def loads(body: bytes | bytearray | memoryview) -> dict[str, Any]:
    """The JSON object of a body."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise InvalidInput(f"Unrecognized request format: {exc}") from exc
    if not isinstance(value, dict):
        raise InvalidInput("Unrecognized request format: the body must be a JSON object.")
    return value


def dumps(value: Mapping[str, Any]) -> bytes:
    """The JSON text of an object that may hold row-major arrays."""
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError as exc:
        raise InvalidInput(f"a value has no form in JSON: {exc}.") from exc


def request_from_dict(value: Mapping[str, Any], model_name: str) -> InferRequest:
    """The request that a decoded JSON object is."""
    tensors = objects(value, "inputs")
    if not tensors:
        raise InvalidInput("'inputs' is empty: an inference request needs at least one input tensor.")
    return InferRequest(
        model_name=model_name,
        infer_inputs=[tensor_from_dict(InferInput, entry, f"inputs[{i}]") for i, entry in enumerate(tensors)],
        request_id=optional(value, "id", str, "a string", "the request"),
        parameters=optional(value, "parameters", dict, "an object", "the request"),
        request_outputs=requested_outputs(value),
        model_version=optional(value, "model_version", str, "a string", "the request"),
    )


def request_to_dict(request: InferRequest) -> dict[str, Any]:
    """The JSON object of a request; keys without a value are left out."""
    value: dict[str, Any] = {"id": request.id} if request.id is not None else {}
    if request.parameters:
        value["parameters"] = plain_parameters(request.parameters)
    value["inputs"] = [tensor_to_dict(tensor) for tensor in request.inputs]
    if request.request_outputs:
        value["outputs"] = [requested_to_dict(output) for output in request.request_outputs]
    return value


def response_from_dict(value: Mapping[str, Any]) -> InferResponse:
    """The response that a decoded JSON object is."""
    tensors = objects(value, "outputs")
    return InferResponse(
        response_id=optional(value, "id", str, "a string", "the response"),
        model_name=optional(value, "model_name", str, "a string", "the response") or "",
        model_version=optional(value, "model_version", str, "a string", "the response"),
        infer_outputs=[tensor_from_dict(InferOutput, entry, f"outputs[{i}]") for i, entry in enumerate(tensors)],
        parameters=optional(value, "parameters", dict, "an object", "the response"),
    )


def response_to_dict(response: InferResponse) -> dict[str, Any]:
    """The JSON object of an answer, with KServe's nulls; the requested outputs, if any were named, in their order."""
    return {
        "model_name": response.model_name,
        "model_version": response.model_version,
        "id": response.id,
        "parameters": plain_parameters(response.parameters) or None,
        "outputs": [tensor_to_dict(tensor, nulls=True) for tensor in chosen_outputs(response)],
    }


def chosen_outputs(response: InferResponse) -> list[InferOutput]:
    """The outputs that were asked for, in the order asked; all of them if none was named."""
    if not response.requested_outputs:
        return response.outputs
    produced = {tensor.name: tensor for tensor in response.outputs}
    for output in response.requested_outputs:
        if output.name not in produced:
            raise OutputUnavailable(f"Unexpected inference output '{output.name}' for model '{response.model_name}'")
    return [produced[output.name] for output in response.requested_outputs]


def tensor_from_dict(kind: type[T], value: Any, where: str) -> T:
    """A tensor with JSON data."""
    tensor = tensor_header(kind, value, where)
    data = value.get("data")
    if not isinstance(data, list | np.ndarray):
        raise InvalidInput(
            f"{where} ({tensor.name}): 'data' must be a list of values, or the tensor must come as binary data."
        )
    _check_count(data, tensor.shape, where)
    tensor.data = data
    return tensor


def tensor_header(kind: type[T], value: Any, where: str) -> T:
    """A tensor's name, shape, datatype and parameters, without contents."""
    if not isinstance(value, dict):
        raise InvalidInput(f"{where} must be an object with name, shape, datatype and data.")
    name, shape, datatype = value.get("name"), value.get("shape"), value.get("datatype")
    if not isinstance(name, str):
        raise InvalidInput(f"{where}: 'name' must be a string.")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise InvalidInput(f"{where} ({name}): 'shape' must be a list of integers, none of them negative.")
    if not isinstance(datatype, str):
        raise InvalidInput(f"{where} ({name}): 'datatype' must be a string.")
    datatypes.to_numpy_dtype(datatype)
    return kind(name, shape, datatype, None, optional(value, "parameters", dict, "an object", where))


def tensor_to_dict(tensor: Tensor, nulls: bool = False) -> dict[str, Any]:
    """A tensor as JSON; its data is a flat list, or a flat row-major array that orjson writes from memory."""
    value: dict[str, Any] = {"name": tensor.name, "shape": list(tensor.shape), "datatype": tensor.datatype}
    parameters = plain_parameters(tensor.parameters)
    parameters.pop("binary_data_size", None)
    if parameters or nulls:
        value["parameters"] = parameters or None
    value["data"] = _json_data(tensor)
    return value


def listed(value: dict[str, Any]) -> dict[str, Any]:
    """A request's or answer's object with plain lists in the place of arrays."""
    fields: dict[str, Any] = {
        field: [listed_tensor(tensor) for tensor in value[field]] for field in ("inputs", "outputs") if field in value
    }
    return {**value, **fields}


def listed_tensor(tensor: dict[str, Any]) -> dict[str, Any]:
    """A tensor's object with a plain list in the place of an array."""
    data = tensor.get("data")
    return {**tensor, "data": data.tolist()} if isinstance(data, np.ndarray) else tensor


def requested_outputs(value: Mapping[str, Any]) -> list[RequestedOutput] | None:
    """The `outputs` of a request."""
    if value.get("outputs") is None:
        return None
    outputs = []
    for i, entry in enumerate(objects(value, "outputs")):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise InvalidInput(f"outputs[{i}] must be an object with a 'name'.")
        outputs.append(
            RequestedOutput(entry["name"], optional(entry, "parameters", dict, "an object", f"outputs[{i}]"))
        )
    return outputs


def requested_to_dict(output: RequestedOutput) -> dict[str, Any]:
    parameters = {"parameters": output.parameters} if output.parameters else {}
    return {"name": output.name, **parameters}


def objects(value: Mapping[str, Any], field: str) -> list[Any]:
    """The list in a field that must have one."""
    if field not in value:
        raise InvalidInput(f"'{field}' is missing: it must be a list of tensors.")
    entries = value[field]
    if not isinstance(entries, list):
        raise InvalidInput(f"'{field}' must be a list of tensors.")
    return entries


def optional(value: Mapping[str, Any], field: str, kind: type, article: str, where: str) -> Any:
    """The value of a field that may be absent or null."""
    found = value.get(field)
    if found is None or isinstance(found, kind):
        return found
    raise InvalidInput(f"{where}: '{field}' must be {article}.")


def plain_parameters(parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """A new dict of plain values, of a dict or of a map of protobuf `InferParameter`."""
    return {key: _plain_parameter(value) for key, value in (parameters or {}).items()}


def _plain_parameter(value: Any) -> Any:
    which = getattr(value, "WhichOneof", None)
    if which is None:
        return value
    chosen = which("parameter_choice")
    return getattr(value, chosen) if chosen else None


def _check_count(data: Any, shape: Sequence[int], where: str) -> None:
    """A cheap look: a flat list, or a nested one judged by its first elements. The rest is seen when it is read."""
    count: int = len(data)
    level = data
    while len(level) and isinstance(level[0], list | np.ndarray):
        level = level[0]
        count *= len(level)
    if count != datatypes.size_of(shape):
        raise InvalidInput(
            f"{where}: {count} values in 'data', and the shape {list(shape)} holds {datatypes.size_of(shape)}."
        )


def _json_data(tensor: Tensor) -> Any:
    if tensor.datatype == "FP16":
        raise OutputUnavailable(
            "Sending FP16 data via JSON is not supported. Please use the binary data format "
            f"for tensor {tensor.name!r}: JSON has no half precision in the V2 protocol."
        )
    if tensor.raw is None and isinstance(tensor.data, list):
        return _flat_list(tensor)
    array = tensor.as_numpy()
    if tensor.datatype == "BYTES":
        return [_text(element, tensor.name) for element in array.ravel()]
    return np.ascontiguousarray(array.reshape(-1))


def _flat_list(tensor: Tensor) -> Any:
    """Flat lists go out as they came; nested ones by way of the array that they are."""
    data = tensor.data
    nested = bool(data) and isinstance(data[0], list | np.ndarray)
    if nested or len(data) != datatypes.size_of(tensor.shape):
        data = tensor.as_numpy().reshape(-1)
    return [_text(element, tensor.name) for element in data] if tensor.datatype == "BYTES" else data


def _text(element: Any, name: str) -> Any:
    if not isinstance(element, bytes):
        return element
    try:
        return element.decode()
    except UnicodeDecodeError as exc:
        raise OutputUnavailable(f"tensor {name!r} holds bytes that are no UTF-8 text: ask for binary data.") from exc
