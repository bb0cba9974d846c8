"""The scripted predictor, which users' tests may use."""

import pytest

from modelapi import Model, PredictorConfig
from modelapi.errors import PredictorUnavailable
from modelapi.predictors.fake import Call, FakePredictor


async def test_it_answers_in_the_order_of_the_script_and_repeats_the_last() -> None:
    fake = FakePredictor({"predictions": [1]}, {"predictions": [2]})
    answers = [await fake.predict({}, "m", {}) for _ in range(3)]
    assert answers == [{"predictions": [1]}, {"predictions": [2]}, {"predictions": [2]}]


async def test_it_raises_what_is_an_exception_and_calls_what_is_a_function() -> None:
    fake = FakePredictor(PredictorUnavailable("down"), lambda payload: {"predictions": payload["instances"]})
    with pytest.raises(PredictorUnavailable, match="down"):
        await fake.predict({}, "m", {})
    assert await fake.predict({"instances": [5]}, "m", {}) == {"predictions": [5]}


async def test_it_keeps_what_it_was_asked() -> None:
    fake = FakePredictor({})
    await fake.predict({"instances": []}, "mnist", {"x-request-id": "r"})
    await fake.explain({"instances": [1]}, "mnist", {})
    assert fake.calls == [
        Call("predict", {"instances": []}, "mnist", {"x-request-id": "r"}),
        Call("explain", {"instances": [1]}, "mnist", {}),
    ]


async def test_it_hands_out_response_headers_and_is_ready_as_told() -> None:
    fake = FakePredictor({}, is_ready=False, response_headers={"x-version": "3"})
    headers: dict[str, str] = {}
    await fake.predict({}, "m", {}, headers)
    assert headers == {"x-version": "3"}
    assert await fake.ready("m") is False
    await fake.close()
    assert fake.closed


def test_a_script_without_a_line_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        FakePredictor()


async def test_a_model_takes_it_for_its_predictor() -> None:
    fake = FakePredictor({"predictions": [2]})
    model = Model("mnist")
    model.bind(PredictorConfig("predictor"), lambda _config: fake)
    assert await model({"instances": [[0.0]]}, {"x-request-id": "r"}) == {"predictions": [2]}
    assert fake.calls[0].model_name == "mnist"
