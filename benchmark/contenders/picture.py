"""What every contender does with a picture: the same bytes in, the same tensor out. Pure."""

import io
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MEAN, STD = 0.1307, 0.3081


def batch(pictures: Iterable[bytes], side: int) -> NDArray[np.float32]:
    """Encoded pictures -> FP32 [N, 3, side, side], normalised."""
    return np.stack([_tensor(picture, side) for picture in pictures])


def _tensor(encoded: bytes, side: int) -> NDArray[np.float32]:
    image = Image.open(io.BytesIO(encoded)).convert("RGB")
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, dtype=np.float32)
    pixels *= np.float32(1 / (255 * STD))
    pixels -= np.float32(MEAN / STD)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))
