"""The Model that the server serves: faults first, then the answer, in the form that the caller's protocol wants."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from modelapi import InferInput, InferOutput, InferRequest, InferResponse, Model
from modelapi.codec.datatypes import from_numpy_dtype
from modelapi.errors import InvalidInput
from predictor_mock import engines
from predictor_mock.faults import Faults
from predictor_mock.served import Served
from predictor_mock.signature import TensorSpec

Answer = TypeVar("Answer")
Clock = Callable[[], float]

# An inference that is expected to take longer goes to a thread, so that health checks are answered meanwhile. The way
# to a thread and back was measured at 0.03 to 0.07 ms on an idle machine and takes longer on a busy one: the sample
# models (0.1 and 0.6 ms a picture) are faster without.
INLINE_SECONDS = 0.002


class Work:
    """The one place where inference runs: on the event loop if it is short, in a thread if it is not.

    One inference of a model at a time, wherever it runs: TorchServe handlers keep state between their steps.
    """

    def __init__(self, seconds_per_item: float) -> None:
        self.seconds_per_item = seconds_per_item
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inference")
        self._turn = threading.Lock()

    async def run(self, function: Callable[[], Answer], items: int) -> Answer:
        """What the function returns; `items` is how many predictions it makes."""
        if items * self.seconds_per_item <= INLINE_SECONDS and self._turn.acquire(blocking=False):
            try:
                return function()
            finally:
                self._turn.release()
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._alone, function)

    def close(self) -> None:
        """Ends the thread after what it is working on."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _alone(self, function: Callable[[], Answer]) -> Answer:
        with self._turn:
            return function()


class MockModel(Model):
    """Serves an opened model, late and wrong as the faults say; not ready until `startup_seconds` after it was made."""

    def __init__(
        self, served: Served, faults: Faults, *, startup_seconds: float = 0.0, clock: Clock = time.monotonic
    ) -> None:
        super().__init__(served.name)
        self.versions = [served.version] if served.version else []
        self.platform = served.platform
        self._served = served
        self._faults = faults
        self._clock = clock
        self._ready_at = clock() + startup_seconds
        self._work = Work(_seconds_per_item(served))
        self.load()

    async def healthy(self) -> bool:
        """Ready once it has started, and not unloaded."""
        return self.ready and self._clock() >= self._ready_at

    def stop(self) -> None:
        """Called when it is unloaded and when the server stops."""
        super().stop()
        self._work.close()

    def get_input_types(self) -> list[dict[str, Any]]:
        """Inputs as the model declares them."""
        return [spec.metadata() for spec in self._served.signature.inputs]

    def get_output_types(self) -> list[dict[str, Any]]:
        """Outputs as the model declares them, or as a first run showed them."""
        return [spec.metadata() for spec in self._served.signature.outputs]

    async def predict(
        self, payload: Any, headers: dict[str, str] | None = None, response_headers: dict[str, str] | None = None
    ) -> dict[str, Any] | InferResponse:
        """V1 `{"instances": [...]}` -> `{"predictions": [...]}`; InferRequest -> InferResponse."""
        await self._faults.strike(self.name)
        if isinstance(payload, InferRequest):
            return await self._infer(payload)
        instances = _instances(payload)
        return {"predictions": await self._work.run(lambda: self._served.rows(instances), len(instances))}

    async def _infer(self, request: InferRequest) -> InferResponse:
        items = max((tensor.shape[0] for tensor in request.inputs if tensor.shape), default=1)
        arrays = await self._work.run(lambda: self._served.tensors(request.inputs), items)
        return InferResponse(
            response_id=request.id,
            model_name=self.name,
            model_version=self._served.version,
            infer_outputs=[
                InferOutput(name, list(array.shape), from_numpy_dtype(array.dtype), data=array)
                for name, array in arrays.items()
            ],
        )


def _instances(payload: Any) -> list[Any]:
    if not isinstance(payload, dict) or "instances" not in payload:
        raise InvalidInput('expected a JSON object with "instances": [...].')
    instances = payload["instances"]
    if not isinstance(instances, list):
        raise InvalidInput(f'"instances" must be a list, got {type(instances).__name__}.')
    if not instances:
        raise InvalidInput('"instances" is empty; expected at least one.')
    return instances


def _seconds_per_item(served: Served) -> float:
    """How long one prediction takes, from the second of two runs on zeros: the first one also warms up."""
    zeros = engines.zeros(served.signature)
    if not zeros:
        return 0.0
    inputs = [_input(spec, zeros[spec.name]) for spec in served.signature.inputs]
    seconds = 0.0
    for _ in range(2):
        start = time.perf_counter()
        try:
            served.tensors(inputs)
        except InvalidInput:
            return 0.0  # takes other inputs than its graph's
        seconds = time.perf_counter() - start
    return seconds


def _input(spec: TensorSpec, array: Any) -> InferInput:
    return InferInput(spec.name, list(array.shape), spec.datatype, data=array)
