"""Datatypes: the table, BYTES contents, and JSON values that do not fit."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelapi.codec import datatypes
from modelapi.errors import InvalidInput

NUMERIC = ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64"]


@pytest.mark.parametrize("name", [*NUMERIC, "BYTES"])
def test_names_and_dtypes_go_both_ways(name: str) -> None:
    assert datatypes.from_numpy_dtype(datatypes.to_numpy_dtype(name)) == name


@pytest.mark.parametrize("name", ["BF16", "fp32x", "", None])
def test_a_datatype_that_numpy_has_not_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="invalid datatype"):
        datatypes.to_numpy_dtype(name)


def test_a_dtype_that_the_protocol_has_not_is_refused() -> None:
    with pytest.raises(InvalidInput, match="complex128"):
        datatypes.from_numpy_dtype(np.complex128)


def test_strings_are_bytes_and_byte_order_does_not_matter() -> None:
    assert datatypes.from_numpy_dtype(np.dtype("U3")) == "BYTES"
    assert datatypes.from_numpy_dtype(np.dtype(">f4")) == "FP32"


def test_bytes_contents_are_lengths_and_bytes() -> None:
    array = np.array([b"\xff", "é", b""], dtype=object)
    assert datatypes.serialize_bytes(array) == b"\x01\0\0\0\xff\x02\0\0\0\xc3\xa9\0\0\0\0"


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_bytes_contents_survive_the_round_trip(elements: list[bytes]) -> None:
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    assert datatypes.deserialize_bytes(datatypes.serialize_bytes(array)).tolist() == elements


@given(st.binary(max_size=60))
def test_any_bytes_are_contents_or_invalid(buffer: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        datatypes.deserialize_bytes(buffer)


@pytest.mark.parametrize("name", NUMERIC)
def test_raw_contents_survive_the_round_trip(name: str) -> None:
    array = np.array([[0, 1], [1, 0]], dtype=datatypes.to_numpy_dtype(name))
    back = datatypes.from_raw(datatypes.to_raw(array, name), name, [2, 2], "x")
    np.testing.assert_array_equal(back, array)


def test_an_array_in_another_order_is_written_row_by_row() -> None:
    array = np.arange(6, dtype=np.int16).reshape(2, 3).T
    assert bytes(datatypes.to_raw(array, "INT16")) == np.ascontiguousarray(array).tobytes()
    assert bytes(datatypes.to_raw(array.astype(">i2"), "INT16")) == np.ascontiguousarray(array).tobytes()


def test_raw_contents_of_the_wrong_size_are_refused() -> None:
    with pytest.raises(InvalidInput, match="'x': 3 bytes of data, and FP32 of shape \\[1\\] takes 4"):
        datatypes.from_raw(b"123", "FP32", [1], "x")


@pytest.mark.parametrize("shape", [[0, 10**30], [2**62, 0], [1] * 100])
def test_a_shape_that_no_array_can_have_is_refused(shape: list[int]) -> None:
    """Its number of elements fits, its dimensions do not."""
    elements = 0 if 0 in shape else 1
    with pytest.raises(InvalidInput, match="'x'"):
        datatypes.from_raw(b"1" * elements, "INT8", shape, "x")
    with pytest.raises(InvalidInput, match="'x'"):
        datatypes.from_values([1] * elements, "INT8", shape, "x")


@pytest.mark.parametrize(
    ("values", "datatype", "expected"),
    [
        ([1, 2.5], "FP32", [1.0, 2.5]),
        ([1.0, 2.0], "INT32", [1, 2]),
        ([True, False], "BOOL", [True, False]),
        ([True, 3], "UINT8", [1, 3]),
        ([2**63], "UINT64", [2**63]),
        ([0, 2**64 - 1], "UINT64", [0, 2**64 - 1]),  # in numpy a list of these is of floats
        ([1.0, 2**63 + 1], "UINT64", [1, 2**63 + 1]),
        ([[2**53 + 1], [1.0]], "INT64", [2**53 + 1, 1]),
        ([-(2**63), 2.0], "INT64", [-(2**63), 2]),
        (["a", "b"], "BYTES", ["a", "b"]),
        ([[1], [2]], "INT8", [1, 2]),
    ],
)
def test_json_values_that_fit(values: list[object], datatype: str, expected: list[object]) -> None:
    array = datatypes.from_values(values, datatype, [len(expected)], "x")
    assert array.tolist() == expected
    assert array.dtype == datatypes.to_numpy_dtype(datatype)


@pytest.mark.parametrize(
    ("values", "datatype"),
    [
        ([300], "INT8"),
        ([-1], "UINT8"),
        ([2**64], "UINT64"),
        ([2**64 - 1, 0], "INT64"),
        ([-1, 2**64 - 1], "UINT64"),
        ([0.5, 2**64 - 1], "UINT64"),
        ([1.0, 1e300], "UINT64"),
        ([1.5], "INT32"),
        ([float("inf")], "INT32"),
        (["1"], "FP32"),
        ([None], "INT32"),
        ([{}], "FP32"),
        ([1], "BOOL"),
        ([[1, 2], [3]], "INT32"),
        ([1, 2], "INT32"),
    ],
)
def test_json_values_that_do_not_fit_are_refused_by_name(values: list[object], datatype: str) -> None:
    with pytest.raises(InvalidInput, match="'x'"):
        datatypes.from_values(values, datatype, [1], "x")
