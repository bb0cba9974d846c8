"""The data plane: lookups, readiness, limits, draining, and answers in the caller's protocol."""

import asyncio
import logging
from typing import Any

import pytest

from modelapi import Model, ModelRepository
from modelapi.config import PredictorConfig
from modelapi.dataplane import DataPlane, Limits
from modelapi.errors import (
    ModelNotFound,
    ModelNotReady,
    Overloaded,
    PredictorUnavailable,
    ServerNotReady,
    Unsupported,
)
from modelapi.model import BaseKServeModel, InferenceVerb, Timings


class Echo(Model):
    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        return payload


class Slow(Model):
    """Waits until it is let go."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.go = asyncio.Event()
        self.entered = asyncio.Event()

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        self.entered.set()
        await self.go.wait()
        return payload


def plane_of(*models: BaseKServeModel, limits: Limits | None = None, **more: Any) -> DataPlane:
    repository = ModelRepository()
    for model in models:
        model.load()
        repository.update(model)
    return DataPlane(repository, limits=limits or Limits(), **more)


async def test_a_ready_model_answers_and_its_time_is_told() -> None:
    told: list[tuple[str, InferenceVerb, Timings]] = []
    plane = plane_of(Echo("m"), observe=lambda *seen: told.append(seen))
    assert (await plane.infer("m", {"instances": [1]}, {})).result == {"instances": [1]}
    assert told[0][:2] == ("m", InferenceVerb.PREDICT)
    assert told[0][2].predict > 0


async def test_an_unknown_model_is_not_found_and_one_that_is_not_loaded_not_ready() -> None:
    model = Echo("m")
    plane = plane_of(model)
    with pytest.raises(ModelNotFound):
        await plane.infer("x", {}, {})
    model.ready = False
    with pytest.raises(ModelNotReady):
        await plane.infer("m", {}, {})


async def test_the_server_is_ready_only_when_every_model_is() -> None:
    """KServe's is always ready."""
    one, two = Echo("one"), Echo("two")
    plane = plane_of(one, two)
    assert await plane.ready()
    two.ready = False
    assert not await plane.ready()
    assert await plane.model_ready("one")


async def test_a_model_may_judge_its_own_health() -> None:
    class Ill(Echo):
        async def healthy(self) -> bool:
            return False

    with pytest.raises(ModelNotReady):
        await plane_of(Ill("m")).infer("m", {}, {})


@pytest.mark.parametrize(("check", "answer", "ready"), [(True, False, False), (True, True, True), (False, False, True)])
async def test_readiness_can_include_the_predictor(check: bool, answer: bool, ready: bool) -> None:
    class Hop:
        async def ready(self, model_name: str) -> bool:
            if not answer:
                raise PredictorUnavailable("refused")
            return True

    model = Model("m", PredictorConfig("h", predictor_health_check=check))
    model.bind(None, lambda _config: Hop())  # type: ignore[arg-type, return-value]  # only ready() is asked
    assert await plane_of(model).model_ready("m") is ready


async def test_more_requests_than_the_limit_are_refused() -> None:
    model = Slow("m")
    plane = plane_of(model, limits=Limits(1))
    first = asyncio.create_task(plane.infer("m", {}, {}))
    await model.entered.wait()
    with pytest.raises(Overloaded, match="1 requests"):
        await plane.infer("m", {}, {})
    model.go.set()
    await first
    assert plane.in_flight == 0


async def test_draining_finishes_what_runs_and_refuses_what_comes() -> None:
    model = Slow("m")
    plane = plane_of(model)
    running = asyncio.create_task(plane.infer("m", {"a": 1}, {}))
    await model.entered.wait()
    draining = asyncio.create_task(plane.drain(grace=30))
    await asyncio.sleep(0)
    with pytest.raises(ServerNotReady, match="shutting down"):
        await plane.infer("m", {}, {})
    assert not await plane.ready()
    model.go.set()
    assert await draining
    assert (await running).result == {"a": 1}


async def test_draining_ends_with_the_grace_period() -> None:
    model = Slow("m")
    plane = plane_of(model)
    running = asyncio.create_task(plane.infer("m", {}, {}))
    await model.entered.wait()
    assert not await plane.drain(grace=0.01)
    running.cancel()


async def test_a_model_without_predict_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="BaseKServeModel"):
        await plane_of(BaseKServeModel("m")).infer("m", {}, {})


async def test_metadata_comes_from_the_model_and_may_be_async() -> None:
    class Described(Echo):
        versions = ("1", 2)
        platform = "onnx"

        def get_input_types(self) -> Any:
            return [{"name": "x", "datatype": "FP32", "shape": [-1]}]

        async def get_output_types(self) -> Any:
            return []

    plane = plane_of(Described("m"), Echo("plain"))
    assert await plane.model_metadata("m", "2") == {
        "name": "m",
        "versions": ["1", "2"],
        "platform": "onnx",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1]}],
        "outputs": [],
    }
    with pytest.raises(ModelNotFound, match="version 3"):
        await plane.model_metadata("m", "3")
    with pytest.raises(Unsupported, match="versioning"):
        await plane.model_metadata("plain", "1")


async def test_the_repository_loads_unloads_and_lists() -> None:
    plane = plane_of(Echo("m"))
    await plane.unload("m")
    assert await plane.index() == []
    with pytest.raises(ModelNotFound):
        await plane.unload("m")
    with pytest.raises(ModelNotReady):
        await plane.load("m")


async def test_a_load_that_fails_says_why() -> None:
    class Broken(Echo):
        broken = False

        def load(self) -> bool:
            if self.broken:
                raise RuntimeError("no weights")
            return super().load()

    model = Broken("m")
    plane = plane_of(model)
    model.broken = True
    with pytest.raises(ModelNotReady, match="Error type: RuntimeError error msg: no weights"):
        await plane.load("m")


async def test_the_latency_line_is_kserves(caplog: pytest.LogCaptureFixture) -> None:
    plane = plane_of(Echo("m"))
    with caplog.at_level(logging.INFO, "kserve.trace"):
        await plane.infer("m", {}, {"x-request-id": "abc"})
        plane.lines.flush()
    (line,) = [record.getMessage() for record in caplog.records if record.name == "kserve.trace"]
    assert line.startswith("requestId: abc, preprocess_ms: 0.")
    assert ", explain_ms: 0, predict_ms: " in line
    assert ", postprocess_ms: " in line


async def test_no_latency_line_when_the_model_or_the_server_wants_none(caplog: pytest.LogCaptureFixture) -> None:
    quiet = Echo("m")
    quiet.enable_latency_logging = False
    with caplog.at_level(logging.INFO, "kserve.trace"):
        for plane in (plane_of(quiet), plane_of(Echo("m"), log_latency=False)):
            await plane.infer("m", {}, {})
            plane.lines.flush()
    assert not [record for record in caplog.records if record.name == "kserve.trace"]
