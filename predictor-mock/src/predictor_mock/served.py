"""A source, opened.

It answers V1 instances and V2 tensors, synchronously. Two kinds: plain tensors, and a TorchServe handler.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, assert_never

import numpy as np
from numpy.typing import NDArray

from modelapi import InferInput
from modelapi.codec.datatypes import from_numpy_dtype, from_values
from modelapi.errors import InferenceError, InvalidInput
from predictor_mock import engines, handlers
from predictor_mock.engines import Arrays, Engine, OnnxEngine, SeededEngine
from predictor_mock.errors import BrokenModel
from predictor_mock.signature import ANY, Signature, TensorSpec
from predictor_mock.sources import ArchiveSource, DeclaredSource, OnnxSource, Source

logger = logging.getLogger(__name__)

# What a model answers with of which nothing is known: ten scores a row.
UNKNOWN = Signature((), (TensorSpec("OUTPUT__0", "FP32", (ANY, 10)),))


class Served(Protocol):
    """An opened model.

    `rows` answers one prediction per V1 instance, `tensors` the outputs by name; both raise InvalidInput.
    """

    name: str
    version: str | None
    platform: str
    signature: Signature

    def rows(self, instances: list[Any]) -> list[Any]: ...

    def tensors(self, inputs: Sequence[InferInput]) -> Arrays: ...


def open_source(source: Source, scratch: Path, *, seed: int) -> Served:
    """Opens what was found; `scratch` is a folder for unpacking. Says in the log what cannot be run as it is."""
    match source:
        case OnnxSource():
            return TensorModel(source.name, source.version, _onnx(source))
        case DeclaredSource(name=name, signature=signature, platform=platform, version=version):
            logger.warning(
                "model %s: %s cannot be run here; its answers are seeded numbers of the declared shapes", name, platform
            )
            return TensorModel(name, version, SeededEngine(signature, seed=seed, model=name, platform=platform))
        case ArchiveSource():
            return _archive(source, scratch, seed)
        case _:
            assert_never(source)


class TensorModel:
    """Arrays straight into an engine and out of it."""

    def __init__(self, name: str, version: str | None, engine: Engine) -> None:
        self.name, self.version = name, version
        self.platform = engine.platform
        self.signature = engine.signature
        self._engine = engine

    def rows(self, instances: list[Any]) -> list[Any]:
        feeds = self._stack(instances)
        self.signature.check(self.name, feeds)
        outputs = {name: list(np.atleast_1d(array)) for name, array in self._engine.run(feeds).items()}
        for name, rows in outputs.items():
            if len(rows) != len(instances):
                raise InferenceError(
                    f"model {self.name!r}: output {name!r} has {len(rows)} rows for {len(instances)} instances; "
                    "ask over V2."
                )
        if len(outputs) == 1:
            return next(iter(outputs.values()))
        return [dict(zip(outputs, row, strict=True)) for row in zip(*outputs.values(), strict=True)]

    def tensors(self, inputs: Sequence[InferInput]) -> Arrays:
        return self._engine.run(self.signature.feeds(self.name, inputs))

    def _stack(self, instances: list[Any]) -> Arrays:
        """One array per input.

        An instance is `{input name: value}`, or for a single input `{"data": value}` or the value.
        """
        specs = self.signature.inputs or (TensorSpec("data", "FP64", ()),)
        feeds = {}
        for spec in specs:
            values = [_value(self.name, instance, spec, alone=len(specs) == 1) for instance in instances]
            feeds[spec.name] = _stacked(values, spec)
        return feeds


class HandlerModel:
    """A TorchServe handler with its preprocess, inference and postprocess, called as KServe's envelopes call it.

    V1 instances are its rows; a V2 request is one row per tensor, `{"name", "shape", "datatype", "data": nested list}`.
    """

    platform = "pytorch_torchserve"

    def __init__(self, name: str, version: str | None, archive: handlers.Archive) -> None:
        self.name, self.version = name, version
        self._handle, self._context = handlers.load(archive, self._check)
        # What the model's input is; the handler may take something else, so only its preprocess is held to it.
        self._graph = OnnxEngine(archive.onnx).signature if archive.onnx else Signature((), ())
        self.signature = Signature(self._graph.inputs, self._probe())

    def rows(self, instances: list[Any]) -> list[Any]:
        answers = self._call(instances)
        if len(answers) != len(instances):
            raise InferenceError(
                f"model {self.name!r}: {len(instances)} instances, and its handler gave {len(answers)} answers."
            )
        return answers

    def tensors(self, inputs: Sequence[InferInput]) -> Arrays:
        self.signature.feeds(self.name, inputs)
        answers = self._call([_row(tensor) for tensor in inputs])
        names = [spec.name for spec in self._graph.outputs]
        if len(names) != len(answers):
            names = [f"OUTPUT__{number}" for number in range(len(answers))]
        return {name: _as_tensor(answer) for name, answer in zip(names, answers, strict=True)}

    def _call(self, rows: list[Any]) -> list[Any]:
        with engines.onnx_errors():
            return list(self._handle(rows, self._context))

    def _check(self, ready: Any) -> None:
        if isinstance(ready, np.ndarray) and len(self._graph.inputs) == 1:
            self._graph.check(self.name, {self._graph.inputs[0].name: ready})

    def _probe(self) -> tuple[TensorSpec, ...]:
        """What the handler answers with, from one run on zeros: its types are written nowhere."""
        self.signature = self._graph
        zeros = engines.zeros(self._graph)
        inputs = [
            InferInput(spec.name, list(zeros[spec.name].shape), spec.datatype, zeros[spec.name])
            for spec in self._graph.inputs
        ]
        try:
            answers = self.tensors(inputs) if inputs else {}
        except InvalidInput as exc:
            logger.info(
                "model %s: its handler takes no plain tensors (%s), so V2 metadata lists no outputs", self.name, exc
            )
            return ()
        return tuple(
            TensorSpec(name, from_numpy_dtype(array.dtype), (ANY, *array.shape[1:])) for name, array in answers.items()
        )


def _onnx(source: OnnxSource) -> Engine:
    declared = source.declared
    engine = OnnxEngine(source.path, max_batch=declared.max_batch if declared else 0)
    if declared:
        for kind, told, real in (
            ("input", declared.inputs, engine.signature.inputs),
            ("output", declared.outputs, engine.signature.outputs),
        ):
            _agree(source.path, kind, told, real)
    return engine


def _agree(path: Path, kind: str, told: Sequence[TensorSpec], real: Sequence[TensorSpec]) -> None:
    """What the configuration declares is in the model. Raises BrokenModel."""
    by_name = {spec.name: spec for spec in real}
    for spec in told:
        found = by_name.get(spec.name)
        if found is None:
            raise BrokenModel(
                path, f"the configuration declares {kind} {spec.name!r}, and the model has {sorted(by_name)}"
            )
        fits = len(found.shape) == len(spec.shape) and all(
            ANY in pair or pair[0] == pair[1] for pair in zip(found.shape, spec.shape, strict=True)
        )
        if found.datatype != spec.datatype or not fits:
            raise BrokenModel(path, f"the configuration declares {kind} {spec}, and the model has {found}")


def _archive(source: ArchiveSource, scratch: Path, seed: int) -> Served:
    folder = scratch / source.name
    archive = handlers.unpack(source.path, folder)
    try:
        return HandlerModel(source.name, source.version, archive)
    except handlers.HandlerNotRunnable as exc:
        if archive.onnx is not None:
            logger.warning("model %s: %s; its ONNX model answers without it", source.name, exc)
            return TensorModel(source.name, source.version, OnnxEngine(archive.onnx))
        logger.warning("model %s: %s, and it has no ONNX model; its answers are seeded numbers", source.name, exc)
        return TensorModel(source.name, source.version, SeededEngine(UNKNOWN, seed=seed, model=source.name))


def _value(model: str, instance: Any, spec: TensorSpec, *, alone: bool) -> Any:
    if not isinstance(instance, dict):
        if alone:
            return instance
        raise InvalidInput(
            f"model {model!r}: an instance must be an object of its inputs, got {type(instance).__name__}."
        )
    for key in (spec.name, "data") if alone else (spec.name,):
        if key in instance:
            return instance[key]
    raise InvalidInput(f"model {model!r}: an instance has {sorted(instance)}, expected {spec.name!r} ({spec}).")


def _stacked(values: list[Any], spec: TensorSpec) -> NDArray[Any]:
    """V1 values as an array of the input's datatype, by the rules of V2 JSON. Raises InvalidInput."""
    try:
        shape = np.shape(values)
    except ValueError as exc:
        raise InvalidInput(
            f"input {spec.name!r}: expected values of one shape ({spec}), got rows that differ."
        ) from exc
    return from_values(values, spec.datatype, shape, spec.name)


def _row(tensor: InferInput) -> dict[str, Any]:
    array = tensor.as_numpy()
    data = array.ravel()[0] if tensor.datatype == "BYTES" and array.size else array.tolist()
    return {"name": tensor.name, "shape": tensor.shape, "datatype": tensor.datatype, "data": data}


def _as_tensor(answer: Any) -> NDArray[Any]:
    """A handler's answer as an array: numbers and lists of them as they are, anything else as JSON text."""
    if not isinstance(answer, str | dict):
        try:
            array = np.atleast_1d(np.asarray(answer))
        except ValueError:  # rows of different lengths
            array = np.empty(0, dtype=np.object_)
        if array.dtype.kind in "biuf":
            return array
    result = np.empty(1, dtype=np.object_)
    result[0] = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
    return result
