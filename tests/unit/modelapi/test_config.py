"""Settings: KServe's arguments, and values that cannot be."""

import dataclasses

import pytest

from modelapi.config import PredictorConfig, PredictorProtocol, ServerConfig


def test_the_positional_arguments_are_kserves() -> None:
    config = PredictorConfig("host:80", "grpc-v2", True, 5, 2, True)
    assert (config.protocol, config.use_ssl, config.timeout, config.retries) == ("grpc-v2", True, 5, 2)
    assert config.predictor_health_check
    assert config.predictor_base_url == "https://host:80"


def test_the_enum_is_as_good_as_its_text() -> None:
    assert PredictorConfig("h", PredictorProtocol.GRPC_V2) == PredictorConfig("h", "grpc-v2")
    assert PredictorProtocol.REST_V2 == "v2"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("predictor_protocol", "grpc", "must be one of v1, v2, grpc-v2"),
        ("encoding", "xml", "must be one of auto, json, binary"),
        ("predictor_request_timeout_seconds", 0, "more than 0"),
        ("predictor_request_retries", -1, "0 or more"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(PredictorConfig("h"), **{field: value})


@pytest.mark.parametrize("bad", [{"workers": 0}, {"event_loop": "trio"}, {"ssl_certfile": "x"}])
def test_a_server_setting_that_cannot_be_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|needs"):
        ServerConfig(**bad)


def test_the_same_settings_for_another_host() -> None:
    assert PredictorConfig("a", "v2", encoding="json").at("b") == PredictorConfig("b", "v2", encoding="json")
