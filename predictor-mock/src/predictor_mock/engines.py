"""What computes the answers: onnxruntime where there is an ONNX model, seeded numbers where there is none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from modelapi.codec.datatypes import to_numpy_dtype
from modelapi.errors import InferenceError, InvalidInput
from predictor_mock.errors import BrokenModel
from predictor_mock.signature import ANY, Feeds, Signature, TensorSpec, batch_of, text

Arrays = dict[str, NDArray[Any]]

# onnxruntime names the element types of ONNX as C++ does (onnxruntime/core/framework/data_types.cc).
_DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
# onnxruntime's errors have no base of their own.
_FAILURES = (
    ort_errors.EPFail,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


class Engine(Protocol):
    """Arrays in, arrays out, synchronously. The arrays fit the signature."""

    platform: str
    signature: Signature

    def run(self, feeds: Feeds) -> Arrays: ...


class OnnxEngine:
    """An ONNX model on the CPU, one thread per request: many small requests are what a stand-in sees."""

    platform = "onnxruntime_onnx"

    def __init__(self, path: Path, *, max_batch: int = 0) -> None:
        self.session = open_session(path)
        inputs = tuple(_spec(node, path) for node in self.session.get_inputs())
        outputs = tuple(_spec(node, path) for node in self.session.get_outputs() if node.type in _DATATYPES)
        if not outputs:
            raise BrokenModel(path, "none of the model's outputs is a tensor")
        self.signature = Signature(inputs, outputs, max_batch)
        self._names = [spec.name for spec in outputs]
        self._texts = {spec.name for spec in inputs if spec.datatype == "BYTES"}

    def run(self, feeds: Feeds) -> Arrays:
        """Raises InvalidInput for what onnxruntime itself refuses, InferenceError when the graph fails."""
        ready = {
            name: text(array, f"input {name!r}") if name in self._texts else array for name, array in feeds.items()
        }
        with onnx_errors():
            results = self.session.run(self._names, ready)
        return dict(zip(self._names, results, strict=True))


class SeededEngine:
    """Answers of the declared names, datatypes and shapes; the same request gets the same answer from the same seed."""

    def __init__(self, signature: Signature, *, seed: int, model: str, platform: str = "") -> None:
        self.platform = platform
        self.signature = signature
        self._key = f"{seed}/{model}"

    def run(self, feeds: Feeds) -> Arrays:
        digest = hashlib.blake2b(self._key.encode(), digest_size=16)
        for name in sorted(feeds):
            digest.update(name.encode())
            digest.update(_contents(feeds[name]))
        rng = np.random.default_rng(int.from_bytes(digest.digest(), "little"))
        batch = batch_of(feeds)
        return {spec.name: _draw(spec, batch, rng) for spec in self.signature.outputs}


@contextmanager
def onnx_errors() -> Iterator[None]:
    """onnxruntime's errors as the Model API's.

    What it refuses is the request's fault, what fails in the graph is not.
    """
    try:
        yield
    except ort_errors.InvalidArgument as exc:
        raise InvalidInput(_sentence(exc)) from exc
    except _FAILURES as exc:
        raise InferenceError(_sentence(exc)) from exc


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """A session on the CPU with one thread. Raises BrokenModel for a file that is no ONNX model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except _FAILURES as exc:
        raise BrokenModel(path, f"onnxruntime cannot open it: {_sentence(exc)}") from exc


def zeros(signature: Signature, batch: int = 1) -> Arrays:
    """Input arrays of zeros (or empty strings), for a first run."""
    return {spec.name: _filled(spec, _sized(spec, batch)) for spec in signature.inputs}


def _spec(node: Any, path: Path) -> TensorSpec:
    if node.type not in _DATATYPES:
        raise BrokenModel(
            path, f"{node.name!r} is a {node.type}, which the Open Inference Protocol has no datatype for"
        )
    shape = tuple(size if isinstance(size, int) and size >= 0 else ANY for size in node.shape)
    return TensorSpec(node.name, _DATATYPES[node.type], shape)


def _sized(spec: TensorSpec, batch: int) -> tuple[int, ...]:
    """A shape without -1: the batch first, 1 elsewhere."""
    rest = tuple(1 if size == ANY else size for size in spec.shape[1:])
    return (batch if spec.shape[0] == ANY else spec.shape[0], *rest) if spec.shape else ()


def _filled(spec: TensorSpec, shape: tuple[int, ...]) -> NDArray[Any]:
    if spec.datatype == "BYTES":
        return np.full(shape, "", dtype=np.object_)
    return np.zeros(shape, dtype=to_numpy_dtype(spec.datatype))


def _draw(spec: TensorSpec, batch: int, rng: np.random.Generator) -> NDArray[Any]:
    shape = _sized(spec, batch)
    dtype = to_numpy_dtype(spec.datatype)
    match dtype.kind:
        case "f":
            return np.asarray(rng.standard_normal(shape)).astype(dtype)
        case "b":
            return np.asarray(rng.integers(0, 2, shape)).astype(dtype)
        case "O":
            numbers = np.asarray(rng.integers(0, 10, shape))
            words = np.array([f"label-{number}".encode() for number in numbers.ravel()], dtype=np.object_)
            return words.reshape(shape)
        case _:
            return np.asarray(rng.integers(0, 10, shape)).astype(dtype)


def _contents(array: NDArray[Any]) -> bytes:
    if array.dtype == np.object_:
        return "\0".join(str(element) for element in array.ravel()).encode()
    return np.ascontiguousarray(array).tobytes()


def _sentence(exc: Exception) -> str:
    """onnxruntime's message on one line, without its prefix of codes."""
    return " ".join(str(exc).split()).rpartition("[ONNXRuntimeError] : ")[2]
