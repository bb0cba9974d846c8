"""The lines that `up` ends with, to be pasted into a shell. Pure but for the folder they are relative to."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from isvc.cli.exchange import Ingress
from isvc.plan.units import ServicePlan


def curl(service: ServicePlan, ingress: Ingress) -> str:
    head = f'curl -s -H "Host: {service.host}"'
    if service.warmup is None:
        return f"{head} http://{ingress}/v2/models/{service.model_name}"
    url = f"http://{ingress}/v1/models/{service.model_name}:predict"
    return f'{head} -H "Content-Type: application/json" {url} -d {shlex.quote(f"@{_here(service.warmup)}")}'


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
