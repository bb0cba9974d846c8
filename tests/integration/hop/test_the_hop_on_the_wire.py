"""What each example's transformer says to its predictor, read off the wire by a relay that stands between the two.

Both run with the very command lines of their plans; only the address of the predictor is the relay's.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from isvc import manifest, plan, settings
from isvc.plan.units import Component, Directory, Endpoint, Folder, ServicePlan, Unit, resolve_all

ROOT = Path(__file__).resolve().parents[3]
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PATIENCE = 30.0
"""Seconds for a server to be ready."""


@dataclass
class Relay:
    """Passes connections on to `target`, and keeps what their clients sent."""

    target: tuple[str, int]
    sent: bytearray = field(default_factory=bytearray)

    @contextmanager
    def listening(self) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=self._accept, args=(server,), daemon=True).start()
            yield f"127.0.0.1:{server.getsockname()[1]}"
            server.shutdown(socket.SHUT_RDWR)

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            onward = socket.create_connection(self.target, timeout=PATIENCE)
            for source, sink, kept in ((client, onward, self.sent), (onward, client, bytearray())):
                threading.Thread(target=_pass, args=(source, sink, kept), daemon=True).start()


def _pass(source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
    with source:
        try:
            while chunk := source.recv(65536):
                kept += chunk
                sink.sendall(chunk)
        except OSError:
            return


@dataclass(frozen=True)
class Bench:
    """The places of one service's units: free ports, the models in the bucket, the relay as predictor."""

    ports: dict[Endpoint, str]
    models: str

    def address(self, endpoint: Endpoint) -> str:
        return self.ports[endpoint]

    def path(self, place: Directory | Folder) -> str:
        return place.location if isinstance(place, Folder) else self.models


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def running(unit: Unit, site: Bench, log: Path) -> Iterator[None]:
    """The unit as a process, once it is ready."""
    program, *words = resolve_all(unit.command, unit, site)
    bin_folder = Path(sys.executable).parent
    argv = [str(bin_folder / program), *words]
    environment = {**os.environ, **{name: resolve_all([word], unit, site)[0] for name, word in unit.environment}}
    with log.open("wb") as sink:
        process = subprocess.Popen(argv, cwd=unit.folder, env=environment, stdout=sink, stderr=subprocess.STDOUT)
    try:
        _wait_ready(process, f"http://{site.address(Endpoint(unit.name, 'http'))}/v2/health/ready", log)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail(f"{url} never answered 200:\n{log.read_text()}")


def plan_of(yaml: str) -> ServicePlan:
    [service] = plan.build(manifest.read([ROOT / yaml]), settings.load(ROOT)).services
    return service


def unit_of(service: ServicePlan, component: Component) -> Unit:
    [unit] = [unit for unit in service.units if unit.component is component]
    return unit


@contextmanager
def service_with_relays(service: ServicePlan, models: str, tmp_path: Path) -> Iterator[tuple[str, dict[str, Relay]]]:
    """The REST address of the transformer, and the relay before each port of the predictor."""
    predictor, transformer = unit_of(service, Component.PREDICTOR), unit_of(service, Component.TRANSFORMER)
    own = {Endpoint(u.name, port): free_address() for u in (predictor, transformer) for port in ("http", "grpc")}
    with ExitStack() as stack:
        stack.enter_context(running(predictor, Bench(own, models), tmp_path / "predictor.log"))
        relays, seen = {}, dict(own)
        for port in ("http", "grpc"):
            endpoint = Endpoint(predictor.name, port)
            host, _, number = own[endpoint].rpartition(":")
            relays[port] = Relay((host, int(number)))
            seen[endpoint] = stack.enter_context(relays[port].listening())
        stack.enter_context(running(transformer, Bench(seen, models), tmp_path / "transformer.log"))
        yield own[Endpoint(transformer.name, "http")], relays


def predict(address: str, service: ServicePlan) -> httpx.Response:
    assert service.warmup is not None
    body = json.loads(Path(service.warmup).read_text())
    return httpx.post(f"http://{address}/v1/models/{service.model_name}:predict", json=body, timeout=PATIENCE)


@pytest.mark.parametrize("yaml", ["grpc_transformer.yaml", "grpc_transformer-old.yaml"])
def test_torch_grpc_transformer_speaks_grpc_to_its_predictor(yaml: str, tmp_path: Path) -> None:
    service = plan_of(f"examples/torch-grpc-transformer/{yaml}")
    models = str(ROOT / "models/bucket/models/torchscript")
    with service_with_relays(service, models, tmp_path) as (address, relays):
        assert predict(address, service).status_code == 200
    sent = bytes(relays["grpc"].sent)
    assert sent.startswith(HTTP2_PREFACE)
    assert b"/inference.GRPCInferenceService/ModelInfer" in sent
    assert b"INPUT__0" in sent
    assert len(sent) > 3 * 32 * 32 * 4, "the tensor went as raw FP32"
    assert not relays["http"].sent


@pytest.mark.parametrize("yaml", ["transformer-new.yaml", "transformer-old.yaml"])
def test_torch_transformer_speaks_v1_rest_to_its_predictor(yaml: str, tmp_path: Path) -> None:
    service = plan_of(f"examples/torch-transformer/{yaml}")
    models = str(ROOT / "models/bucket/models/torchserve/image_classifier/v1")
    with service_with_relays(service, models, tmp_path) as (address, relays):
        assert predict(address, service).json() == {"predictions": [2]}
    assert bytes(relays["http"].sent).startswith(b"POST /v1/models/mnist:predict HTTP/1.1\r\n")
    assert not relays["grpc"].sent
