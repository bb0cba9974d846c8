"""Where a predictor is, as REST and as gRPC need it."""

import pytest

from modelapi.config import PredictorConfig
from modelapi.errors import PredictorNotConfigured
from modelapi.predictors.address import base_url, grpc_target


@pytest.mark.parametrize(
    ("host", "tls", "rest", "grpc"),
    [
        ("predictor", False, "http://predictor", "predictor:80"),
        ("predictor", True, "https://predictor", "predictor:443"),
        ("predictor:8085", False, "http://predictor:8085", "predictor:8085"),
        ("mnist-predictor.default.svc.cluster.local", False, None, "mnist-predictor.default.svc.cluster.local:80"),
        ("127.0.0.1:9000", True, "https://127.0.0.1:9000", "127.0.0.1:9000"),
        ("[::1]", False, "http://[::1]", "[::1]:80"),
        ("[::1]:9000", False, "http://[::1]:9000", "[::1]:9000"),
        ("predictor/", False, "http://predictor", "predictor:80"),
    ],
)
def test_a_host_gives_the_url_and_the_target(host: str, tls: bool, rest: str | None, grpc: str) -> None:
    config = PredictorConfig(host, predictor_use_ssl=tls)
    assert grpc_target(config) == grpc
    if rest is not None:
        assert str(base_url(config)).rstrip("/") == rest


def test_the_ports_default_to_those_of_http() -> None:
    assert base_url(PredictorConfig("predictor")).port == 80
    assert base_url(PredictorConfig("predictor", predictor_use_ssl=True)).port == 443


def test_rest_takes_a_path_and_grpc_refuses_it() -> None:
    config = PredictorConfig("ingress:8080/serving/default/mnist/")
    assert str(base_url(config)) == "http://ingress:8080/serving/default/mnist"
    with pytest.raises(PredictorNotConfigured, match="without a path"):
        grpc_target(config)


@pytest.mark.parametrize(
    ("host", "mend"),
    [
        ("http://predictor:8085", "write 'predictor:8085', without http://"),
        ("https://predictor", "and set predictor_use_ssl"),
        ("", "host or host:port"),
        ("predictor:", "host or host:port"),
        ("predictor:http", "host or host:port"),
        ("predictor:70000", "host or host:port"),
        ("user@predictor", "host or host:port"),
        ("pre dictor", "host or host:port"),
        ("::1", "host or host:port"),
        ("predictor?x=1", "host or host:port"),
    ],
)
@pytest.mark.parametrize("reader", [base_url, grpc_target])
def test_anything_else_is_refused_with_the_mend(reader: object, host: str, mend: str) -> None:
    assert callable(reader)
    with pytest.raises(PredictorNotConfigured, match="predictor_host is") as caught:
        reader(PredictorConfig(host))
    assert mend in str(caught.value)
