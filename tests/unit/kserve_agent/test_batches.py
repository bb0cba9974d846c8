"""Batches: full ones go at once, others when the first has waited; what fails is told as KServe tells it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from kserve_agent.batches import Batcher


class Component:
    """Answers each instance with its double, or as it is told to."""

    def __init__(self, answer: tuple[int, bytes] | None = None) -> None:
        self.asked: list[tuple[str, list[Any]]] = []
        self._answer = answer

    async def __call__(self, path: str, body: bytes) -> tuple[int, bytes]:
        instances = json.loads(body)["instances"]
        self.asked.append((path, instances))
        if self._answer is not None:
            return self._answer
        return 200, json.dumps({"predictions": [2 * one for one in instances]}).encode()


async def test_a_full_batch_goes_at_once_and_each_gets_its_own() -> None:
    component = Component()
    batcher = Batcher(component, max_size=3, max_latency=60_000)
    first, second = await asyncio.gather(batcher.predict("/a", [1, 2]), batcher.predict("/b", [3]))
    assert component.asked == [("/b", [1, 2, 3])]  # the path of the last request
    assert (first["predictions"], second["predictions"]) == ([2, 4], [6])
    assert first["batchId"] == second["batchId"]
    assert first["message"] == ""


async def test_one_that_is_not_full_goes_when_the_first_has_waited() -> None:
    component = Component()
    answer = await Batcher(component, max_size=32, max_latency=1).predict("/a", [5])
    assert answer["predictions"] == [10]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((503, b"no model"), "no model"),
        ((200, b"[]"), "no V1 answer"),
        ((200, b'{"predictions": [1, 2]}'), "size of prediction is not equal to the size of instances"),
    ],
)
async def test_what_goes_wrong_is_a_message_and_no_predictions(answer: tuple[int, bytes], said: str) -> None:
    told = await Batcher(Component(answer), max_size=1).predict("/a", [1])
    assert said in told["message"]
    assert told["predictions"] is None


async def test_a_component_that_is_away_is_told() -> None:
    async def away(path: str, body: bytes) -> tuple[int, bytes]:
        raise OSError("connection refused")

    told = await Batcher(away, max_size=1).predict("/a", [1])
    assert told["message"] == "connection refused"
