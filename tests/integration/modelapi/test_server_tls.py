"""Both servers with TLS, called by clients that nobody here wrote: tritonclient and httpx."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http

from modelapi.server.run import Servers

MATRIX = np.arange(6, dtype=np.float32).reshape(2, 3)


def matrix(module: Any) -> Any:
    tensor = module.InferInput("x", [2, 3], "FP32")
    tensor.set_data_from_numpy(MATRIX)
    return tensor


async def test_tritonclient_http_is_served_with_tls(tls_servers: Servers, certificate: tuple[Path, Path]) -> None:
    def ask() -> Any:
        trusting = ssl.create_default_context(cafile=str(certificate[0]))
        address = f"localhost:{tls_servers.http_port}"
        client = triton_http.InferenceServerClient(address, ssl=True, ssl_context_factory=lambda: trusting)
        try:
            return client.infer("echo", [matrix(triton_http)]).as_numpy("x")
        finally:
            client.close()

    np.testing.assert_array_equal(await asyncio.to_thread(ask), MATRIX)


async def test_tritonclient_grpc_is_served_with_tls(tls_servers: Servers, certificate: tuple[Path, Path]) -> None:
    def ask() -> Any:
        address, bundle = f"localhost:{tls_servers.grpc_port}", str(certificate[0])
        with triton_grpc.InferenceServerClient(address, ssl=True, root_certificates=bundle) as client:
            return client.infer("echo", [matrix(triton_grpc)]).as_numpy("x")

    np.testing.assert_array_equal(await asyncio.to_thread(ask), MATRIX)


async def test_v1_is_served_with_tls_and_not_without(tls_servers: Servers, certificate: tuple[Path, Path]) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    path, body = f"localhost:{tls_servers.http_port}/v1/models/echo:predict", {"instances": [1]}
    async with httpx.AsyncClient(verify=trusting, timeout=10) as client:
        assert (await client.post(f"https://{path}", json=body)).json() == {"predictions": [1]}
        with pytest.raises(httpx.TransportError):
            await client.post(f"http://{path}", json=body)


async def test_who_trusts_no_one_is_told_of_the_certificate(tls_servers: Servers) -> None:
    async with httpx.AsyncClient(timeout=10) as client:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(f"https://localhost:{tls_servers.http_port}/")

    def ask() -> Any:
        with triton_grpc.InferenceServerClient(f"localhost:{tls_servers.grpc_port}", ssl=True) as client:
            return client.is_server_live(client_timeout=5)

    with pytest.raises(triton_grpc.InferenceServerException, match=r"UNAVAILABLE|DEADLINE"):
        await asyncio.to_thread(ask)
