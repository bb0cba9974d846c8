"""Where a predictor is, as REST and as gRPC need it."""

import pytest

from modelapi.config import PredictorConfig
from modelapi.errors import PredictorNotConfigured
from modelapi.predictors.address import Address, address_of


@pytest.mark.parametrize(
    ("host", "tls", "address", "text"),
    [
        ("predictor", False, Address("predictor", 80), "predictor:80"),
        ("predictor", True, Address("predictor", 443), "predictor:443"),
        ("predictor:8085", False, Address("predictor", 8085), "predictor:8085"),
        ("127.0.0.1:9000", True, Address("127.0.0.1", 9000), "127.0.0.1:9000"),
        ("[::1]", False, Address("::1", 80), "[::1]:80"),
        ("[::1]:9000", False, Address("::1", 9000), "[::1]:9000"),
        ("predictor/", False, Address("predictor", 80), "predictor:80"),
    ],
)
@pytest.mark.parametrize("protocol", ["v1", "grpc-v2"])
def test_a_host_gives_the_address(host: str, tls: bool, address: Address, text: str, protocol: str) -> None:
    found = address_of(PredictorConfig(host, protocol, predictor_use_ssl=tls))
    assert found == address
    assert str(found) == text


def test_rest_takes_a_path_and_grpc_refuses_it() -> None:
    host = "ingress:8080/serving/default/mnist/"
    assert address_of(PredictorConfig(host)) == Address("ingress", 8080, "/serving/default/mnist")
    with pytest.raises(PredictorNotConfigured, match="without a path"):
        address_of(PredictorConfig(host, "grpc-v2"))


@pytest.mark.parametrize(
    ("host", "mend"),
    [
        ("http://predictor:8085", "write 'predictor:8085', without http://"),
        ("https://predictor", "and set predictor_use_ssl"),
        ("", "host or host:port"),
        ("predictor:", "host or host:port"),
        ("predictor:0", "host or host:port"),
        ("predictor:http", "host or host:port"),
        ("predictor:70000", "host or host:port"),
        ("user@predictor", "host or host:port"),
        ("pre dictor", "host or host:port"),
        ("::1", "host or host:port"),
        ("predictor?x=1", "host or host:port"),
    ],
)
@pytest.mark.parametrize("protocol", ["v1", "grpc-v2"])
def test_anything_else_is_refused_with_the_mend(protocol: str, host: str, mend: str) -> None:
    with pytest.raises(PredictorNotConfigured, match="predictor_host is") as caught:
        address_of(PredictorConfig(host, protocol))
    assert mend in str(caught.value)
