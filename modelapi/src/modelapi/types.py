"""The values that a Model sees: one shape for every wire.

A tensor's contents are kept as they came: a list from JSON, an array from the user, a buffer (`raw`) from a binary or
gRPC body. A buffer is never copied; `as_numpy` is a view of it. What the wires look like is the business of
`modelapi.codec`; the methods here named after a wire (`to_rest`, `from_grpc`, ...) exist because `kserve`'s types have
them, and hand over to it when they are called.

Invariants: a tensor has `raw` or `data`, never both; `raw` is little-endian and row-major.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelapi.errors import InferenceError, InvalidInput

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped, unused-ignore]  # the user's own, if at all

Parameters = dict[str, Any]
Raw = bytes | bytearray | memoryview


class Tensor:
    """A named array of one datatype; what InferInput and InferOutput have in common."""

    __slots__ = ("_data", "_datatype", "_name", "_parameters", "_raw", "_shape")

    def __init__(
        self,
        name: str,
        shape: Iterable[int],
        datatype: str,
        data: Any = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self._name = name
        self._shape = list(shape)
        self._datatype = datatype.upper()
        self._raw: Raw | None = data if isinstance(data, bytes | bytearray | memoryview) else None
        self._data = None if self._raw is not None else data
        self._parameters: Any = {} if parameters is None else parameters

    @property
    def name(self) -> str:
        return self._name

    @property
    def datatype(self) -> str:
        return self._datatype

    @property
    def shape(self) -> list[int]:
        return self._shape

    @shape.setter
    def shape(self, shape: Iterable[int]) -> None:
        self._shape = list(shape)

    @property
    def parameters(self) -> Any:
        """A dict; a map of protobuf `InferParameter` is accepted wherever one is given."""
        return self._parameters

    @parameters.setter
    def parameters(self, parameters: Mapping[str, Any] | None) -> None:
        self._parameters = {} if parameters is None else parameters

    @property
    def raw(self) -> Raw | None:
        """The contents as they travel in binary, or None if they came as values."""
        return self._raw

    @property
    def data(self) -> Any:
        """The contents: the list of values or the array that was given; for raw contents, the array."""
        return self._data if self._raw is None else self.as_numpy()

    @data.setter
    def data(self, data: Any) -> None:
        self._raw = data if isinstance(data, bytes | bytearray | memoryview) else None
        self._data = None if self._raw is not None else data

    def as_numpy(self) -> NDArray[Any]:
        """The contents as an array of this tensor's shape.

        Raw contents give a read-only view (BYTES: an object array of `bytes`), values give a new array.

        Raises:
            InvalidInput: the contents do not fit the shape or the datatype.
        """
        from modelapi.codec import datatypes

        if self._raw is not None:
            return datatypes.from_raw(self._raw, self._datatype, self._shape, self._name)
        data = self._data
        if data is None:
            raise InvalidInput(f"tensor {self._name!r} has no data.")
        if isinstance(data, np.ndarray) and data.dtype == datatypes.to_numpy_dtype(self._datatype):
            return data if list(data.shape) == self._shape else datatypes.reshaped(data, self._shape, self._name)
        if hasattr(data, "fp32_contents"):
            from modelapi.codec import v2_grpc

            data = v2_grpc.values_of(data, self._datatype)
        return datatypes.from_values(data, self._datatype, self._shape, self._name)

    def set_data_from_numpy(self, tensor: NDArray[Any], binary_data: bool = True) -> None:
        """Take an array as contents; with `binary_data` they travel as raw bytes, where the wire knows them.

        The array is not copied when it is row-major: do not write to it afterwards.

        Raises:
            InferenceError: the array's dtype or shape is not this tensor's.
        """
        from modelapi.codec import datatypes

        if not isinstance(tensor, np.ndarray):
            raise InferenceError(f"tensor {self._name!r}: the data must be a numpy array.")
        got = datatypes.from_numpy_dtype(tensor.dtype)
        if got != self._datatype:
            raise InferenceError(f"got unexpected datatype {got} from numpy array, expected {self._datatype}")
        if list(tensor.shape) != self._shape:
            raise InferenceError(f"got unexpected numpy array shape {list(tensor.shape)}, expected {self._shape}")
        parameters = dict(self._parameters)
        if binary_data:
            self._raw, self._data = datatypes.to_raw(tensor, self._datatype), None
            parameters["binary_data_size"] = len(self._raw)
        else:
            self._raw, self._data = None, tensor
            parameters.pop("binary_data_size", None)
        self._parameters = parameters

    def to_dict(self) -> dict[str, Any]:
        """The tensor as a JSON object of the V2 protocol, contents included."""
        from modelapi.codec import v2_json

        return v2_json.listed_tensor(v2_json.tensor_to_dict(self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        mine = (self._name, self._shape, self._datatype, dict(self._parameters))
        theirs = (other._name, other._shape, other._datatype, dict(other._parameters))
        return mine == theirs and self._same_contents(other)

    __hash__ = None  # type: ignore[assignment]  # contents change

    def _same_contents(self, other: "Tensor") -> bool:
        empty = (self._raw is None and self._data is None, other._raw is None and other._data is None)
        if any(empty):
            return all(empty)
        return bool(np.array_equal(self.as_numpy(), other.as_numpy()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r}, {self._shape}, {self._datatype!r})"


class InferInput(Tensor):
    """An input tensor: `name`, `shape`, `datatype` (FP32, INT64, BYTES, ...), `data`, `parameters`."""

    __slots__ = ()

    def as_string(self) -> list[Any]:
        """The elements of a BYTES tensor as text, nested as they came."""
        texts: list[Any] = _texts(self._data if isinstance(self._data, list) else self.as_numpy().tolist())
        return texts


class InferOutput(Tensor):
    """An output tensor: `name`, `shape`, `datatype`, `data`, `parameters`."""

    __slots__ = ()


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_texts(element) for element in value]
    return value.decode() if isinstance(value, bytes) else str(value)


class RequestedOutput:
    """An output that the caller asks for; `binary_data` says in which form, None leaves it to the request."""

    __slots__ = ("_name", "parameters")

    def __init__(self, name: str, parameters: Mapping[str, Any] | None = None) -> None:
        self._name = name
        self.parameters: Parameters = dict(parameters or {})

    @property
    def name(self) -> str:
        return self._name

    @property
    def binary_data(self) -> bool | None:
        value: bool | None = self.parameters.get("binary_data")
        return value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RequestedOutput):
            return NotImplemented
        return (self._name, self.parameters) == (other._name, other.parameters)

    __hash__ = None  # type: ignore[assignment]  # parameters change

    def __repr__(self) -> str:
        return f"RequestedOutput({self._name!r}, {self.parameters})"


class InferRequest:
    """A request of the V2 protocol, whatever wire it came on or will leave by."""

    def __init__(
        self,
        model_name: str,
        infer_inputs: list[InferInput],
        request_id: str | None = None,
        raw_inputs: Iterable[Raw] | None = None,
        from_grpc: bool | None = False,
        parameters: Any = None,
        request_outputs: list[RequestedOutput] | None = None,
        model_version: str | None = None,
    ) -> None:
        self.id = request_id
        self.model_name = model_name
        self.model_version = model_version
        self.inputs = infer_inputs
        self.parameters: Any = {} if parameters is None else parameters
        self.from_grpc = bool(from_grpc)  # type: ignore[assignment, method-assign]  # both in kserve, too
        self.request_outputs = request_outputs
        _take_raw(self.inputs, raw_inputs)

    @property
    def use_binary_outputs(self) -> bool:
        """Whether the caller asked for binary outputs, for all of them or for one."""
        if self.parameters and self.parameters.get("binary_data_output"):
            return True
        return any(output.binary_data for output in self.request_outputs or ())

    @classmethod
    def from_grpc(cls, request: Any) -> "InferRequest":
        """From the `inference.ModelInferRequest` message. (On an instance, `from_grpc` says that it came so.)"""
        from modelapi.codec import v2_grpc

        return v2_grpc.decode_request(request)

    @classmethod
    def from_inference_request(cls, request: Any, model_name: str) -> "InferRequest":
        """From the decoded JSON body: a mapping, or a pydantic model of one."""
        from modelapi.codec import v2_json

        return v2_json.request_from_dict(request if isinstance(request, Mapping) else request.model_dump(), model_name)

    @classmethod
    def from_bytes(cls, req_bytes: Raw, json_length: int, model_name: str) -> "InferRequest":
        """From a V2 REST body of the binary extension, or a JSON one."""
        from modelapi.codec import v2_binary

        return v2_binary.decode_request(req_bytes, json_length, model_name)

    def to_rest(self) -> tuple[bytes | dict[str, Any], int | None]:
        """`(dict, None)` if every input has values, `(body, JSON length)` if one is raw."""
        from modelapi.codec import v2_binary, v2_json

        if not any(tensor.raw is not None for tensor in self.inputs):
            return v2_json.listed(v2_json.request_to_dict(self)), None
        encoded = v2_binary.encode_request(self)
        return b"".join(encoded.chunks), encoded.json_length

    def to_grpc(self) -> Any:
        """The `inference.ModelInferRequest` message."""
        from modelapi.codec import v2_grpc

        return v2_grpc.encode_request(self)

    def as_dataframe(self) -> "pd.DataFrame":
        """One column per input; needs pandas, which modelapi does not bring."""
        import pandas as pd  # type: ignore[import-untyped, unused-ignore]  # the user's own, if at all

        columns = {tensor.name: _column(tensor) for tensor in self.inputs}
        return pd.DataFrame(columns)

    def get_input_by_name(self, name: str) -> InferInput | None:
        return next((tensor for tensor in self.inputs if tensor.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        from modelapi.codec import v2_json

        return {"model_name": self.model_name, **v2_json.listed(v2_json.request_to_dict(self))}

    def __eq__(self, other: object) -> bool:
        return _same(self, other, ("id", "model_name", "inputs", "request_outputs"))

    __hash__ = None  # type: ignore[assignment]  # inputs change

    def __repr__(self) -> str:
        return f"InferRequest({self.model_name!r}, id={self.id!r}, inputs={self.inputs})"


class InferResponse:
    """A response of the V2 protocol, whatever wire it came on or will leave by."""

    def __init__(
        self,
        response_id: str | None,
        model_name: str,
        infer_outputs: list[InferOutput],
        model_version: str | None = None,
        raw_outputs: Iterable[Raw] | None = None,
        from_grpc: bool | None = False,
        parameters: Any = None,
        use_binary_outputs: bool | None = False,
        requested_outputs: list[RequestedOutput] | None = None,
    ) -> None:
        self.id = response_id
        self.model_name = model_name
        self.model_version = model_version
        self.outputs = infer_outputs
        self.parameters: Any = {} if parameters is None else parameters
        self.from_grpc = bool(from_grpc)  # type: ignore[assignment, method-assign]  # both in kserve, too
        self.use_binary_outputs = bool(use_binary_outputs)
        self.requested_outputs = requested_outputs
        _take_raw(self.outputs, raw_outputs)

    @classmethod
    def from_grpc(cls, response: Any) -> "InferResponse":
        """From the `inference.ModelInferResponse` message. (On an instance, `from_grpc` says that it came so.)"""
        from modelapi.codec import v2_grpc

        return v2_grpc.decode_response(response)

    @classmethod
    def from_rest(cls, response: Mapping[str, Any]) -> "InferResponse":
        """From the decoded JSON body of a V2 REST answer."""
        from modelapi.codec import v2_json

        return v2_json.response_from_dict(response)

    @classmethod
    def from_bytes(cls, res_bytes: Raw, json_length: int) -> "InferResponse":
        """From a V2 REST body of the binary extension."""
        from modelapi.codec import v2_binary

        return v2_binary.decode_response(res_bytes, json_length)

    def to_rest(self) -> tuple[bytes | dict[str, Any], int | None]:
        """`(dict, None)`, or `(body, JSON length)` if an output goes out in binary."""
        from modelapi.codec import v2_binary, v2_json

        if not v2_binary.wants_binary(self):
            return v2_json.listed(v2_json.response_to_dict(self)), None
        encoded = v2_binary.encode_response(self)
        return b"".join(encoded.chunks), encoded.json_length

    def to_grpc(self) -> Any:
        """The `inference.ModelInferResponse` message."""
        from modelapi.codec import v2_grpc

        return v2_grpc.encode_response(self)

    def get_output_by_name(self, name: str) -> InferOutput | None:
        return next((tensor for tensor in self.outputs if tensor.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        from modelapi.codec import v2_json

        return v2_json.listed(v2_json.response_to_dict(self))

    def __eq__(self, other: object) -> bool:
        return _same(self, other, ("id", "model_name", "model_version", "outputs"))

    __hash__ = None  # type: ignore[assignment]  # outputs change

    def __repr__(self) -> str:
        return f"InferResponse({self.model_name!r}, id={self.id!r}, outputs={self.outputs})"


def _take_raw(tensors: list[Any], raws: Iterable[Raw] | None) -> None:
    for tensor, raw in zip(tensors, raws or (), strict=False):
        tensor.data = raw


def _same(one: object, other: object, names: Iterable[str]) -> bool:
    if type(one) is not type(other):
        return False
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _column(tensor: InferInput) -> Any:
    values = tensor.as_numpy()
    return _texts(values.tolist()) if tensor.datatype == "BYTES" else values.tolist()
