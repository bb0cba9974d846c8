"""The hops with TLS: whom they trust, and what they say when they do not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelapi import InferInput, InferRequest, ModelRepository
from modelapi.config import PredictorConfig, ServerConfig
from modelapi.dataplane import DataPlane
from modelapi.errors import PredictorUnavailable
from modelapi.predictors import connect
from modelapi.server.run import Servers


def request() -> InferRequest:
    tensor = InferInput("INPUT__0", [1, 2], "FP32")
    tensor.set_data_from_numpy(np.array([[1, 2]], np.float32))
    return InferRequest("echo", [tensor])


def hop_to(servers: Servers, protocol: str) -> Any:
    port = servers.grpc_port if protocol == "grpc-v2" else servers.http_port
    return connect(PredictorConfig(f"localhost:{port}", protocol, predictor_use_ssl=True))


@pytest.mark.parametrize("protocol", ["v1", "v2", "grpc-v2"])
async def test_a_predictor_with_a_certificate_of_the_bundle_is_trusted(
    tls_servers: Servers, certificate: tuple[Path, Path], protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    hop = hop_to(tls_servers, protocol)
    try:
        answer = await hop.predict(request(), "echo", {})
        values = answer["predictions"] if protocol == "v1" else answer.outputs[0].as_numpy().tolist()
        assert values == [[1.0, 2.0]]
    finally:
        await hop.close()


@pytest.mark.parametrize("protocol", ["v1", "v2", "grpc-v2"])
async def test_any_other_predictor_is_not(tls_servers: Servers, protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    hop = hop_to(tls_servers, protocol)
    try:
        with pytest.raises(PredictorUnavailable, match=r"(?i)certificate"):
            await hop.predict(request(), "echo", {})
    finally:
        await hop.close()


@pytest.mark.parametrize("protocol", ["v1", "v2"])
async def test_a_predictor_without_tls_is_told_from_one_that_is_not_trusted(protocol: str) -> None:
    plain = Servers(ServerConfig(http_port=0, enable_grpc=False), DataPlane(ModelRepository()))
    await plain.start()
    hop = hop_to(plain, protocol)
    try:
        with pytest.raises(PredictorUnavailable, match="does not speak TLS"):
            await hop.predict(request(), "echo", {})
    finally:
        await hop.close()
        await plain.stop(1)
