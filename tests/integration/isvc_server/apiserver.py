"""A real API on a real socket, with TLS, for one test: the store is empty, and what runs is what the test says."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from isvc.server import kubeconfig, namespaces, serving
from isvc.server.errors import BadRequest, NotFound
from isvc.server.kubeconfig import Access
from isvc.server.resources import PODS, Object, Resource
from isvc.server.store import Store

SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices"


@dataclass
class Running:
    """What runs, as a test says: objects by kind, and lines by pod and container."""

    objects: dict[str, list[Object]] = field(default_factory=dict)
    lines: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)

    async def list(self, resource: Resource, namespace: str | None) -> Sequence[Object]:
        items = self.objects.get(resource.kind, [])
        return [item for item in items if namespace in (None, item["metadata"]["namespace"])]

    async def logs(
        self, namespace: str, pod: str, container: str | None, *, tail: int | None, **options: Any
    ) -> AsyncIterator[bytes]:
        if pod not in {name for name, _ in self.lines}:
            raise NotFound.of(PODS, pod)
        lines = self.lines.get((pod, container or "kserve-container"))
        if lines is None:
            raise BadRequest(f"container {container} is not valid for pod {pod}")
        for line in lines[-tail:] if tail else lines:
            yield line


@dataclass
class ApiServer:
    store: Store
    running: Running
    root: Path
    port: int
    access: Access

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        return kubeconfig.path(self.root)

    def client(self, **options: Any) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {self.access.token}", **options.pop("headers", {})}
        trusted = ssl.create_default_context(cafile=str(self.access.authority))
        return httpx.AsyncClient(base_url=self.url, verify=trusted, headers=headers, timeout=30, **options)


@asynccontextmanager
async def api_server(folder: Path, *, history: int = 10_000) -> AsyncIterator[ApiServer]:
    root = folder / "project"
    access = kubeconfig.prepare(root, datetime.now(UTC))
    store, running = Store(root / "objects.db", history=history), Running()
    namespaces.ensure_default(store)
    try:
        async with serving.api(store, running, access, serving.listen(0)) as port:
            kubeconfig.write(root, access, port)
            yield ApiServer(store, running, root, port, access)
    finally:
        store.close()


def service(name: str, **annotations: str) -> Object:
    """A valid InferenceService."""
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"predictor": {"model": {"modelFormat": {"name": "pytorch"}, "storageUri": "gs://bucket/model"}}},
    }
