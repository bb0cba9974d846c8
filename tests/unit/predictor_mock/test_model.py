"""The Model: readiness, faults first, both protocols, and where inference runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from modelapi import InferInput, InferRequest, InferResponse
from modelapi.errors import InvalidInput, ServerNotReady
from predictor_mock.engines import Arrays
from predictor_mock.faults import Faults, FaultSettings
from predictor_mock.model import INLINE_SECONDS, MockModel, Work
from predictor_mock.signature import Signature, TensorSpec


class Doubler:
    """A served model that notes the threads it ran in."""

    name, platform = "doubler", "test"
    version: str | None = "2"
    signature = Signature((TensorSpec("x", "FP32", (-1,)),), (TensorSpec("y", "FP32", (-1,)),))

    def __init__(self) -> None:
        self.threads: list[int] = []

    def rows(self, instances: list[Any]) -> list[Any]:
        self.threads.append(threading.get_ident())
        return [2 * instance for instance in instances]

    def tensors(self, inputs: Sequence[InferInput]) -> Arrays:
        self.threads.append(threading.get_ident())
        return {"y": 2 * inputs[0].as_numpy()}


class Clock:
    """A clock that is moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def model(**settings: Any) -> MockModel:
    return MockModel(Doubler(), Faults(FaultSettings(**settings)))


def request(*values: float) -> InferRequest:
    return InferRequest("doubler", [InferInput("x", [len(values)], "FP32", list(values))], request_id="7")


async def test_v1_instances_become_predictions() -> None:
    assert await model()({"instances": [1, 2]}) == {"predictions": [2, 4]}


async def test_a_v2_request_becomes_a_response_with_its_id_and_the_models_version() -> None:
    response = await model()(request(1, 2))

    assert isinstance(response, InferResponse)
    assert (response.id, response.model_name, response.model_version) == ("7", "doubler", "2")
    assert response.outputs[0].datatype == "FP32"
    assert response.outputs[0].as_numpy().tolist() == [2, 4]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, 'expected a JSON object with "instances"'),
        ([1], 'expected a JSON object with "instances"'),
        (b"raw", 'expected a JSON object with "instances"'),
        ({"instances": {"x": 1}}, "to be a list"),
        ({"instances": []}, '"instances" is empty'),
    ],
)
async def test_a_v1_body_without_instances_is_the_callers_mistake(body: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        await model()(body)


async def test_faults_strike_before_the_model_is_asked() -> None:
    served = Doubler()
    struck = MockModel(served, Faults(FaultSettings(error_rate=1)))
    asked = len(served.threads)

    with pytest.raises(ServerNotReady, match="Injected error 503"):
        await struck({"instances": [1]})

    assert len(served.threads) == asked


async def test_it_is_not_ready_until_it_has_started() -> None:
    clock = Clock()
    slow = MockModel(Doubler(), Faults(FaultSettings()), startup_seconds=5, clock=clock)

    before = await slow.healthy()
    clock.now += 5
    after = await slow.healthy()
    slow.stop()

    assert (before, after, await slow.healthy()) == (False, True, False)


def test_its_metadata_is_the_served_models() -> None:
    made = model()

    assert made.get_input_types() == [{"name": "x", "datatype": "FP32", "shape": [-1]}]
    assert made.get_output_types() == [{"name": "y", "datatype": "FP32", "shape": [-1]}]
    assert (made.versions, made.platform) == (["2"], "test")


async def test_short_work_runs_on_the_event_loop_and_long_work_in_a_thread() -> None:
    short, long = Work(INLINE_SECONDS / 4), Work(INLINE_SECONDS * 2)

    here = threading.get_ident()

    assert await short.run(threading.get_ident, 1) == here
    assert await short.run(threading.get_ident, 4) == here
    assert await short.run(threading.get_ident, 5) != here
    assert await long.run(threading.get_ident, 1) != here
    short.close()
    long.close()


async def test_one_inference_of_a_model_runs_at_a_time() -> None:
    work, busy, overlaps = Work(1.0), threading.Lock(), []

    def step() -> None:
        overlaps.append(not busy.acquire(blocking=False))
        np.linalg.svd(np.ones((40, 40)))
        busy.release()

    await asyncio.gather(*(work.run(step, 1) for _ in range(8)))
    work.close()

    assert overlaps == [False] * 8


async def test_short_work_waits_its_turn_behind_long_work() -> None:
    work, started, go = Work(INLINE_SECONDS), asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    order: list[str] = []

    def long_step() -> None:
        loop.call_soon_threadsafe(started.set)
        go.wait(5)
        order.append("long")

    long = asyncio.ensure_future(work.run(long_step, 2))
    await asyncio.wait_for(started.wait(), 5)
    short = asyncio.ensure_future(work.run(lambda: order.append("short"), 1))
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(long, short)
    work.close()

    assert order == ["long", "short"]
