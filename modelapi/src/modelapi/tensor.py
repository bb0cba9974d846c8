"""One tensor: what a Model sees of an input or an output, whatever wire it came on.

A tensor's contents are kept as they came: a list from JSON, an array from the user, a buffer (`raw`) from a binary or
gRPC body. A buffer is never copied; `as_numpy` is a view of it.

Invariants: a tensor has `raw` or `data`, never both; `raw` is little-endian and row-major.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from modelapi.errors import InferenceError, InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

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

    def as_numpy(self) -> "NDArray[Any]":
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

    def _take(self, tensor: "NDArray[Any]", binary_data: bool) -> None:
        """What `set_data_from_numpy` does."""
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

    def set_data_from_numpy(self, input_tensor: "NDArray[Any]", binary_data: bool = True) -> None:
        """Take an array as contents; with `binary_data` they travel as raw bytes, where the wire knows them.

        The array is not copied when it is row-major: do not write to it afterwards.

        Raises:
            InferenceError: the array's dtype or shape is not this tensor's.
        """
        self._take(input_tensor, binary_data)

    def as_string(self) -> list[Any]:
        """The elements of a BYTES tensor as text, nested as they came."""
        texts: list[Any] = texts_of(self._data if isinstance(self._data, list) else self.as_numpy().tolist())
        return texts


class InferOutput(Tensor):
    """An output tensor: `name`, `shape`, `datatype`, `data`, `parameters`."""

    __slots__ = ()

    def set_data_from_numpy(self, output_tensor: "NDArray[Any]", binary_data: bool = True) -> None:
        """As `InferInput.set_data_from_numpy`."""
        self._take(output_tensor, binary_data)


def texts_of(value: Any) -> Any:
    """The elements of a BYTES tensor as text, nested as they are."""
    if isinstance(value, list):
        return [texts_of(element) for element in value]
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
