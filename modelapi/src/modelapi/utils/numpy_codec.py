"""`kserve.utils.numpy_codec`: datatypes and dtypes, None where there is none."""

from typing import Any

import numpy as np

from modelapi.codec import datatypes
from modelapi.errors import InvalidInput


def to_np_dtype(dtype: str) -> Any:
    """The numpy dtype of a datatype, or None."""
    try:
        return datatypes.to_numpy_dtype(dtype)
    except InvalidInput:
        return None


def from_np_dtype(np_dtype: Any) -> str | None:
    """The datatype of a numpy dtype, or None."""
    try:
        return datatypes.from_numpy_dtype(np.dtype(np_dtype))
    except InvalidInput:
        return None
