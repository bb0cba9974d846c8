"""The Open Inference Protocol's datatypes, and tensor contents to numpy and back.

Raw contents are little-endian and row-major; a BYTES element is its length as 4 little-endian bytes, then its bytes
(Open Inference Protocol, "Tensor Data" and the binary tensor data extension).
"""

import math
import struct
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from modelapi.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

Buffer = bytes | bytearray | memoryview

_DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "BYTES": np.dtype(np.object_),
}
DATATYPES = tuple(_DTYPES)
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_LARGEST_EMPTY = 2**24  # [2**62, 0] takes no memory as an array, and all of it as a list
_LENGTH = struct.Struct("<I")
# Kinds of number that JSON may bring (b bool, i/u integer, f float) and that a datatype takes without loss.
_ACCEPTED = {"b": "b", "i": "iub", "u": "iub", "f": "fiub"}


def to_numpy_dtype(datatype: str) -> np.dtype[Any]:
    """The numpy dtype of a protocol datatype; InvalidInput if there is none (BF16 has none in numpy)."""
    try:
        return _DTYPES[datatype]
    except (KeyError, TypeError):
        known = ", ".join(_DTYPES)
        raise InvalidInput(f"invalid datatype {datatype!r}: it must be one of {known}.") from None


def from_numpy_dtype(dtype: "DTypeLike") -> str:
    """The protocol datatype of a numpy dtype; strings and objects are BYTES; InvalidInput if there is none."""
    wanted = np.dtype(dtype)
    if wanted.kind in "SUO":
        return "BYTES"
    try:
        return _NAMES[wanted.newbyteorder("=")]
    except KeyError:
        raise InvalidInput(f"numpy dtype {wanted} has no datatype in the V2 protocol.") from None


def size_of(shape: Sequence[int]) -> int:
    """How many elements a shape holds."""
    return math.prod(shape)


def serialize_bytes(array: "NDArray[Any]") -> bytes:
    """The raw contents of a BYTES tensor; str elements are written as UTF-8, bytes as they are."""
    parts: list[bytes] = []
    for element in np.asarray(array).ravel():
        value = element if isinstance(element, bytes) else str(element).encode()
        parts.append(_LENGTH.pack(len(value)))
        parts.append(value)
    return b"".join(parts)


def deserialize_bytes(buffer: Buffer) -> "NDArray[np.object_]":
    """The elements of a BYTES tensor's raw contents: a flat array of `bytes`. They may be any bytes."""
    view, end, at = memoryview(buffer), len(buffer), 0
    elements: list[bytes] = []
    while at < end:
        if end - at < _LENGTH.size:
            raise InvalidInput(f"BYTES contents end inside an element's length, at byte {at} of {end}.")
        (length,) = _LENGTH.unpack_from(view, at)
        at += _LENGTH.size
        if end - at < length:
            raise InvalidInput(f"BYTES contents promise {length} bytes at byte {at}, and {end - at} are left.")
        elements.append(bytes(view[at : at + length]))
        at += length
    array: NDArray[np.object_] = np.empty(len(elements), dtype=np.object_)
    array[:] = elements
    return array


def to_raw(array: "NDArray[Any]", datatype: str) -> Buffer:
    """The raw contents of an array: a view where the array is row-major already, a copy otherwise."""
    if datatype == "BYTES":
        return serialize_bytes(array)
    contiguous = np.ascontiguousarray(array, dtype=to_numpy_dtype(datatype))
    if contiguous.size == 0:
        return b""
    return contiguous.reshape(-1).view(np.uint8).data


def from_raw(buffer: Buffer, datatype: str, shape: Sequence[int], name: str) -> "NDArray[Any]":
    """The array that raw contents hold: a read-only view of the buffer, except for BYTES."""
    dtype = to_numpy_dtype(datatype)
    if datatype == "BYTES":
        array: NDArray[Any] = deserialize_bytes(buffer)
        return reshaped(array, shape, name)
    expected = size_of(shape) * dtype.itemsize
    if len(buffer) != expected:
        raise InvalidInput(
            f"tensor {name!r}: {len(buffer)} bytes of data, and {datatype} of shape {list(shape)} takes {expected}."
        )
    return reshaped(np.frombuffer(buffer, dtype=dtype), shape, name)


def from_values(values: Any, datatype: str, shape: Sequence[int], name: str) -> "NDArray[Any]":
    """The array that a (nested or flat) list of JSON values holds; InvalidInput if a value does not fit."""
    dtype = to_numpy_dtype(datatype)
    if datatype == "BYTES":
        return reshaped(_objects(values), shape, name)
    try:
        natural = np.asarray(values)
        if natural.dtype.kind == "O":  # null, or integers beyond 64 bits
            natural = np.asarray(values, dtype=dtype)
        elif natural.dtype.kind == "f" and dtype.kind in "iu":  # maybe of integers too: numpy makes floats of the mix
            natural = _integers(values, natural)
    except (ValueError, TypeError, OverflowError) as exc:
        raise InvalidInput(f"tensor {name!r}: its data is no regular array of {datatype} values ({exc}).") from exc
    return reshaped(_cast(natural, dtype, datatype, name), shape, name)


def _integers(values: Any, natural: "NDArray[Any]") -> "NDArray[Any]":
    """The exact integers of a list for which numpy chose floats; `natural` where a value is none.

    0 and 2**64 - 1 have no integer dtype in common that numpy would look for, and 2**63 + 1 is no float.
    """
    if not np.isfinite(natural).all() or (natural != np.floor(natural)).any():
        return natural
    exact = [int(value) for value in np.asarray(values, dtype=np.object_).ravel()]
    low = min(exact, default=0)
    return np.array(exact, dtype=np.int64 if low < 0 else np.uint64).reshape(natural.shape)


def _objects(values: Any) -> "NDArray[np.object_]":
    flat: list[Any] = []
    pending = [values]
    while pending:
        value = pending.pop()
        if isinstance(value, list | tuple | np.ndarray):
            pending.extend(reversed(value))
        else:
            flat.append(value)
    array: NDArray[np.object_] = np.empty(len(flat), dtype=np.object_)
    array[:] = flat
    return array


def _cast(natural: "NDArray[Any]", dtype: np.dtype[Any], datatype: str, name: str) -> "NDArray[Any]":
    """`natural` as `dtype`; refuses what would silently change a value (a fraction, a number too big, a string)."""
    kind = natural.dtype.kind
    if natural.dtype == dtype or natural.size == 0:
        return natural.astype(dtype)
    if kind not in _ACCEPTED[dtype.kind]:
        raise InvalidInput(f"tensor {name!r}: its data holds values that are no {datatype}.")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if int(natural.min()) < limits.min or int(natural.max()) > limits.max:
            raise InvalidInput(f"tensor {name!r}: a value is outside of {datatype}, {limits.min} to {limits.max}.")
    with np.errstate(over="ignore"):
        return natural.astype(dtype)


def reshaped(array: "NDArray[Any]", shape: Sequence[int], name: str) -> "NDArray[Any]":
    """The array in this shape; InvalidInput if the number of elements differs."""
    if array.size != size_of(shape):
        raise InvalidInput(f"tensor {name!r}: {array.size} values, and its shape {list(shape)} holds {size_of(shape)}.")
    if not array.size and max(shape, default=0) > _LARGEST_EMPTY:
        raise InvalidInput(f"tensor {name!r}: shape {list(shape)} is empty and has a size beyond {_LARGEST_EMPTY}.")
    try:
        return array.reshape(shape)
    except (ValueError, OverflowError) as exc:  # more dimensions than numpy has, or sizes beyond its integers
        raise InvalidInput(f"tensor {name!r}: shape {list(shape)} is beyond what an array can have ({exc}).") from exc


if sys.byteorder != "little":  # pragma: no cover
    raise ImportError("modelapi keeps tensors as views of little-endian buffers, and this machine is big-endian.")
