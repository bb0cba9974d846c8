"""The lines that `up` ends with, to be pasted into a shell. Pure but for the folder they are relative to."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

from isvc.plan.units import ServicePlan
from isvc.server.exchange import Ingress

_LOOK = 5.0
"""Seconds for asking a server what it serves."""


def curl(service: ServicePlan, ingress: Ingress) -> str:
    head = f'curl -s -H "Host: {service.host}"'
    if service.warmup is None:
        return f"{head} http://{ingress}/v2/models/{service.model_name}"
    file = Path(service.warmup)
    url = f"http://{ingress}{predict_path(service.model_name, file.read_bytes() if file.is_file() else b'')}"
    return f'{head} -H "Content-Type: application/json" {url} -d {shlex.quote(f"@{_here(service.warmup)}")}'


def predict_path(model_name: str, body: bytes) -> str:
    """Where `body` is sent: a V2 body has `inputs`; any other is V1's."""
    try:
        is_v2 = "inputs" in json.loads(body)
    except (ValueError, TypeError):
        is_v2 = False
    return f"/v2/models/{model_name}/infer" if is_v2 else f"/v1/models/{model_name}:predict"


def served_name(service: ServicePlan, ingress: Ingress) -> str:
    """What the server calls its model: Triton takes the names of folders, whatever the service is called."""
    for method, path in (("GET", "/v1/models"), ("POST", "/v2/repository/index")):
        answer = (
            ingress.get(service.host, path, _LOOK)
            if method == "GET"
            else ingress.post(service.host, path, b"{}", _LOOK)
        )
        names = _names(answer.body) if answer.status == 200 else []
        if names:
            return service.model_name if service.model_name in names else names[0]
    return service.model_name


def _names(body: bytes) -> list[str]:
    try:
        found = json.loads(body)
    except ValueError:
        return []
    items = found.get("models") if isinstance(found, dict) else found
    named = (item.get("name") if isinstance(item, dict) else item for item in items or ())
    return [name for name in named if isinstance(name, str) and name]


def grpcurl(service: ServicePlan, ingress: Ingress, request: Path | None) -> str:
    """`request` holds a ModelInferRequest in JSON; without one the line asks for the model's metadata."""
    head = f"grpcurl -plaintext -authority {service.host}"
    called = f"{ingress} inference.GRPCInferenceService"
    if request is None:
        return f'{head} -d \'{{"name": "{service.model_name}"}}\' {called}/ModelMetadata'
    return f"{head} -d @ {called}/ModelInfer < {shlex.quote(_here(str(request)))}"


def _here(path: str) -> str:
    """`path` as it is shortest from where the user stands."""
    return min(os.path.relpath(path), path, key=len)
