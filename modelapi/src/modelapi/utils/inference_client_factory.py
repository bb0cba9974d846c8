"""`kserve.utils.inference_client_factory`: clients by address, made once, closed together.

KServe's keeps a single gRPC client whatever the address; here each address has its own.
"""

from typing import Any

from modelapi.inference_client import InferenceGRPCClient, InferenceRESTClient, RESTConfig


class InferenceClientFactory:
    """Keeps the clients that it made."""

    def __init__(self) -> None:
        self._grpc: dict[str, InferenceGRPCClient] = {}
        self._rest: list[tuple[RESTConfig | None, InferenceRESTClient]] = []

    def get_grpc_client(self, url: str, **kwargs: Any) -> InferenceGRPCClient:
        if url not in self._grpc:
            self._grpc[url] = InferenceGRPCClient(url, **kwargs)
        return self._grpc[url]

    def get_rest_client(self, config: RESTConfig | None = None) -> InferenceRESTClient:
        for known, client in self._rest:
            if known is config:
                return client
        self._rest.append((config, InferenceRESTClient(config)))
        return self._rest[-1][1]

    async def close(self) -> None:
        """Close every client."""
        for grpc_client in self._grpc.values():
            await grpc_client.close()
        for _, rest_client in self._rest:
            await rest_client.close()
        self._grpc.clear()
        self._rest.clear()
