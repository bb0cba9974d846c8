"""The Model: order of the steps, how handlers are called, and the three ways to name a predictor."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from modelapi.config import PredictorConfig
from modelapi.errors import InferenceError, InvalidInput, PredictorNotConfigured
from modelapi.model import InferenceVerb, Model, Predictor, Steps, append_forwardable_headers
from modelapi.predictors.fake import FakePredictor


class Recorder:
    """A predictor that remembers what it was asked."""

    def __init__(self, config: PredictorConfig) -> None:
        self.config = config
        self.calls: list[tuple[Any, str, Any, Any]] = []

    async def predict(self, payload: Any, model_name: str, headers: Any, response_headers: Any = None) -> Any:
        self.calls.append((payload, model_name, headers, response_headers))
        return {"predictions": ["from predictor"]}

    async def explain(self, payload: Any, model_name: str, headers: Any) -> Any:
        return {"explained": payload}

    async def ready(self, model_name: str) -> bool:
        return True

    async def close(self) -> None:
        pass


class Exchange:
    """The `connect` that a server hands to its models."""

    def __init__(self) -> None:
        self.made: list[Recorder] = []

    def __call__(self, config: PredictorConfig) -> Predictor:
        self.made.append(Recorder(config))
        return self.made[-1]


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


async def test_the_steps_run_in_order_and_share_one_headers_dict() -> None:
    class Steady(Model):
        def preprocess(self, payload: Any, headers: Any = None) -> Any:  # type: ignore[override]
            headers["seen"] = "pre"
            return {"instances": [*payload["instances"], "pre"]}

        async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
            headers["seen"] += " predict"
            return [*payload["instances"], "predict"]

        def postprocess(self, result: Any, headers: Any = None, response_headers: Any = None) -> Any:  # type: ignore[override]
            return {"predictions": [*result, "post", headers["seen"]]}

    headers: dict[str, str] = {}
    answer = await Steady("m")({"instances": []}, headers)
    assert answer == {"predictions": ["pre", "predict", "post", "pre predict"]}
    assert headers == {"seen": "pre predict"}


async def test_handlers_take_as_many_positional_arguments_as_they_have() -> None:
    class Odd(Model):
        def preprocess(self, body):  # type: ignore[no-untyped-def, override]
            return body

        def predict(self, anything, *rest):  # type: ignore[no-untyped-def, override]
            return {"rest": len(rest)}

        async def postprocess(self, outcome, context):  # type: ignore[no-untyped-def, override]
            return {**outcome, "context": context}

    assert await Odd("m")({}, {"a": "b"}) == {"rest": 1, "context": {"a": "b"}}


async def test_response_headers_are_handed_over_when_they_are_asked_for() -> None:
    class Chatty(Model):
        async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
            response_headers["x-model"] = "7"
            return {}

    outcome = await Steps(Chatty("m", return_response_headers=True)).run({}, {})
    assert outcome.response_headers == {"x-model": "7"}


async def test_a_handler_that_takes_nothing_is_an_error_with_its_name() -> None:
    class Deaf(Model):
        def preprocess(self):  # type: ignore[no-untyped-def, override]
            return 1

    with pytest.raises(InferenceError, match=r"Deaf.preprocess takes no payload"):
        await Deaf("m")({})


async def test_an_async_generator_goes_through_to_postprocess() -> None:
    class Stream(Model):
        async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
            async def pieces() -> AsyncIterator[str]:
                yield "a"
                yield "b"

            return pieces()

    answer = await Stream("m")({})
    assert [piece async for piece in answer] == ["a", "b"]


@pytest.mark.parametrize(("protocol", "field"), [("v1", "instances"), ("v2", "inputs"), ("grpc-v2", "inputs")])
async def test_instances_and_inputs_must_be_lists(exchange: Exchange, protocol: str, field: str) -> None:
    model = Model("m", PredictorConfig("h", protocol))
    model.bind(None, exchange)
    with pytest.raises(InvalidInput, match=f'Expected "{field}" to be a list'):
        await model({field: "no list"})


async def test_without_a_predictor_predict_says_so() -> None:
    with pytest.raises(PredictorNotConfigured, match="Could not find predictor_host"):
        await Model("m")({"instances": []})


class BySubclass(Model):
    """kserve up to 0.11: attributes."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.predictor_host = "h:1"
        self.protocol = "grpc-v2"


class BeforeInit(Model):
    """... assigned before the base class is made."""

    def __init__(self, name: str) -> None:
        self.predictor_host = "h:1"
        self.protocol = "grpc-v2"
        super().__init__(name)


class ByServer(Model):
    """kserve 0.16 and later: the server's configuration."""


CONFIG = PredictorConfig("h:1", "grpc-v2")


@pytest.mark.parametrize(
    ("model", "server"),
    [
        (BySubclass("m"), None),
        (BeforeInit("m"), None),
        (Model("m", CONFIG), None),
        (Model("m", predictor_config=CONFIG), PredictorConfig("other")),
        (ByServer("m"), CONFIG),
        (BySubclass("m"), PredictorConfig("other", "v2")),
    ],
)
async def test_each_way_to_name_a_predictor_reaches_it(
    exchange: Exchange, model: Model, server: PredictorConfig | None
) -> None:
    model.bind(server, exchange)
    assert await model({"inputs": []}, {"x-request-id": "1"}) == {"predictions": ["from predictor"]}
    (hop,) = exchange.made
    assert (hop.config.predictor_host, hop.config.protocol) == ("h:1", "grpc-v2")
    assert hop.calls == [({"inputs": []}, "m", {"x-request-id": "1"}, None)]


def test_a_bool_in_second_place_is_kserve_016s_return_response_headers() -> None:
    assert Model("m", True).required_response_headers
    assert not Model("m", CONFIG).required_response_headers


def test_attributes_read_as_the_configuration_has_them() -> None:
    model = Model("m", PredictorConfig("h", "v2", predictor_request_timeout_seconds=5))
    assert (model.predictor_host, model.protocol, model.timeout) == ("h", "v2", 5)
    assert (Model("m").predictor_host, Model("m").protocol) == (None, "v1")


def test_models_of_one_process_may_have_different_predictors(exchange: Exchange) -> None:
    one, two = Model("a", PredictorConfig("one")), Model("b", PredictorConfig("two", "v2"))
    for model in (one, two):
        model.bind(None, exchange)
    assert one.predictor() is one.predictor()
    assert one.predictor() is not two.predictor()


def test_a_changed_attribute_connects_anew(exchange: Exchange) -> None:
    model = Model("m", PredictorConfig("one"))
    model.bind(None, exchange)
    model.predictor()
    model.predictor_host = "two"
    model.predictor()
    assert [hop.config.predictor_host for hop in exchange.made] == ["one", "two"]


async def test_explain_goes_to_the_explainer(exchange: Exchange) -> None:
    model = Model("m", PredictorConfig("h", "grpc-v2", predictor_use_ssl=True))
    model.explainer_host = "explainer"
    model.bind(None, exchange)
    assert await model({"x": 1}, {}, InferenceVerb.EXPLAIN) == {"explained": {"x": 1}}
    config = exchange.made[0].config
    assert (config.predictor_host, config.protocol, config.use_ssl) == ("explainer", "v1", True)


def test_only_request_id_trace_and_authorization_go_on() -> None:
    headers = {"x-request-id": "1", "authorization": "Bearer x", "cookie": "c", "traceparent": "t", "host": "h"}
    assert append_forwardable_headers(headers, {"a": "b"}) == {
        "a": "b",
        "x-request-id": "1",
        "authorization": "Bearer x",
        "traceparent": "t",
    }


async def test_the_explainer_is_connected_once() -> None:
    made: list[PredictorConfig] = []

    def connect(config: PredictorConfig) -> FakePredictor:
        made.append(config)
        return FakePredictor({"explanations": [1]})

    model = Model("m")
    model.bind(PredictorConfig("predictor:80", "grpc-v2"), connect)
    model.explainer_host = "explainer:80"
    for _ in range(2):
        assert await model.explain({"instances": []}) == {"explanations": [1]}
    assert [(config.predictor_host, config.protocol) for config in made] == [("explainer:80", "v1")]
