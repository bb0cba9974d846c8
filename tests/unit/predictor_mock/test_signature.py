"""Requests against signatures."""

from __future__ import annotations

import numpy as np
import pytest

from modelapi import InferInput
from modelapi.errors import InvalidInput
from predictor_mock.signature import Signature, TensorSpec, batch_of, text

X = TensorSpec("x", "FP32", (-1, 2))
Y = TensorSpec("y", "FP32", (-1, 2))
ONE = Signature((X,), (Y,), max_batch=4)
TWO = Signature((X, TensorSpec("n", "INT64", (-1, 1))), (Y,), max_batch=4)


def tensor(name: str = "x", shape: tuple[int, ...] = (1, 2), datatype: str = "FP32") -> InferInput:
    return InferInput(name, list(shape), datatype, np.zeros(shape, np.float32 if datatype == "FP32" else np.int64))


def test_a_request_that_fits_gives_its_arrays_by_name() -> None:
    feeds = TWO.feeds("m", [tensor("n", (3, 1), "INT64"), tensor("x", (3, 2))])

    assert {name: array.shape for name, array in feeds.items()} == {"x": (3, 2), "n": (3, 1)}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([tensor("z")], r"model 'm' takes the inputs \['x'\] \(x FP32 \[-1, 2\]\), and the request has \['z'\]"),
        ([tensor(), tensor("z")], r"has \['x', 'z'\]"),
        ([tensor(), tensor()], r"has \['x', 'x'\]"),
        ([tensor(datatype="INT64")], r"input 'x': expected FP32 \[-1, 2\], got datatype INT64"),
        ([tensor(shape=(1, 3))], r"input 'x': expected FP32 \[-1, 2\], got shape \[1, 3\]"),
        ([tensor(shape=(2,))], r"input 'x': expected FP32 \[-1, 2\], got shape \[2\]"),
        ([tensor(shape=(5, 2))], r"expected a batch of 1 to 4 \(max_batch_size\), got 5"),
        ([tensor(shape=(0, 2))], r"expected a batch of 1 to 4 \(max_batch_size\), got 0"),
    ],
)
def test_a_request_that_does_not_fit_is_told_what_was_expected_and_what_came(
    given: list[InferInput], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        ONE.feeds("m", given)


def test_batch_sizes_must_agree() -> None:
    with pytest.raises(InvalidInput, match=r"one batch size for all inputs, and got \{'x': 2, 'n': 1\}"):
        TWO.feeds("m", [tensor(shape=(2, 2)), tensor("n", (1, 1), "INT64")])


def test_contents_that_do_not_fit_the_shape_are_the_callers_mistake() -> None:
    with pytest.raises(InvalidInput):
        ONE.feeds("m", [InferInput("x", [1, 2], "FP32", [1.0, 2.0, 3.0])])


def test_a_model_of_which_nothing_is_known_takes_anything() -> None:
    assert list(Signature((), (Y,)).feeds("m", [tensor("whatever", (7,))])) == ["whatever"]


def test_the_batch_is_the_first_dimension_of_the_first_array() -> None:
    assert batch_of({"x": np.zeros((3, 2))}) == 3
    assert batch_of({"x": np.zeros(())}) == 1
    assert batch_of({}) == 1


def test_text_is_decoded_and_other_bytes_are_refused() -> None:
    assert text(np.array([b"cat", "dog"], dtype=object), "input 'x'").tolist() == ["cat", "dog"]
    with pytest.raises(InvalidInput, match="input 'x': expected UTF-8 text"):
        text(np.array([b"\xff"], dtype=object), "input 'x'")
