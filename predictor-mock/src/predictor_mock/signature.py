"""What a model takes and gives, and whether a request fits. Pure: no files, no onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelapi import InferInput
from modelapi.errors import InvalidInput

ANY = -1
Feeds = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class TensorSpec:
    """A named tensor: its Open Inference Protocol datatype, and its shape with -1 for any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.datatype} {list(self.shape)}"

    def admits(self, shape: Sequence[int]) -> bool:
        """Whether an array of this shape fits."""
        return len(shape) == len(self.shape) and all(
            want in (ANY, got) for want, got in zip(self.shape, shape, strict=True)
        )

    def metadata(self) -> dict[str, Any]:
        """The tensor as V2 model metadata lists it."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


@dataclass(frozen=True)
class Signature:
    """A model's inputs and outputs; `max_batch` is the largest first dimension, 0 where there is no limit.

    Without inputs nothing is known of the model, and it takes whatever comes.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    max_batch: int = 0

    def feeds(self, model: str, tensors: Sequence[InferInput]) -> dict[str, NDArray[Any]]:
        """The request's arrays by input name. Raises InvalidInput that says what was expected and what came."""
        if not self.inputs:
            return {tensor.name: tensor.as_numpy() for tensor in tensors}
        given = [tensor.name for tensor in tensors]
        wanted = [spec.name for spec in self.inputs]
        if sorted(given) != sorted(wanted):
            takes = "; ".join(map(str, self.inputs))
            raise InvalidInput(f"model {model!r} takes the inputs {wanted} ({takes}), and the request has {given}.")
        by_name = {tensor.name: tensor for tensor in tensors}
        feeds = {spec.name: _array(model, spec, by_name[spec.name]) for spec in self.inputs}
        self.check_batch(model, feeds)
        return feeds

    def check(self, model: str, feeds: Feeds) -> None:
        """The same for arrays that come from a handler or from V1 instances."""
        for spec in self.inputs:
            array = feeds[spec.name]
            if not spec.admits(array.shape):
                raise InvalidInput(_misfit(model, spec, f"shape {list(array.shape)}"))
        self.check_batch(model, feeds)

    def check_batch(self, model: str, feeds: Feeds) -> None:
        """Batch sizes agree, and none is above the limit."""
        batches = {spec.name: feeds[spec.name].shape[0] for spec in self.inputs if spec.shape[:1] == (ANY,)}
        if self.max_batch and len(set(batches.values())) > 1:
            raise InvalidInput(f"model {model!r} takes one batch size for all inputs, and got {batches}.")
        for name, size in batches.items():
            if self.max_batch and not 1 <= size <= self.max_batch:
                raise InvalidInput(
                    f"model {model!r}, input {name!r}: expected a batch of 1 to {self.max_batch} (max_batch_size), "
                    f"got {size}."
                )


def batch_of(feeds: Feeds) -> int:
    """The first dimension of the first array; 1 where there is none."""
    first = next(iter(feeds.values()), None)
    return int(first.shape[0]) if first is not None and first.ndim else 1


def text(array: NDArray[Any], where: str) -> NDArray[Any]:
    """A BYTES array's elements as str, which is what string tensors of a model hold.

    Raises InvalidInput for other bytes.
    """
    try:
        flat = [element.decode() if isinstance(element, bytes) else str(element) for element in array.ravel()]
    except UnicodeDecodeError as exc:
        raise InvalidInput(f"{where}: expected UTF-8 text, got bytes that are none ({exc.reason}).") from exc
    result = np.empty(len(flat), dtype=np.object_)
    result[:] = flat
    return result.reshape(array.shape)


def _array(model: str, spec: TensorSpec, tensor: InferInput) -> NDArray[Any]:
    if tensor.datatype != spec.datatype:
        raise InvalidInput(_misfit(model, spec, f"datatype {tensor.datatype}"))
    if not spec.admits(tensor.shape):
        raise InvalidInput(_misfit(model, spec, f"shape {list(tensor.shape)}"))
    return tensor.as_numpy()


def _misfit(model: str, spec: TensorSpec, got: str) -> str:
    return f"model {model!r}, input {spec.name!r}: expected {spec.datatype} {list(spec.shape)}, got {got}."
