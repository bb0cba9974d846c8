"""`isvc predict`: one request through the ingress, as the protocol has it; the answer is printed."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from isvc.backends.stack import ServiceStatus
from isvc.cli import payload, stacks
from isvc.cli.console import Console
from isvc.errors import InputError, StackError
from isvc.server.exchange import Answer, Ingress


def run(options: Namespace, console: Console) -> int:
    status = stacks.backend(options, console).status()
    service = stacks.find(status, options.name)
    ingress = Ingress.of(status)
    body, file = _body(options.input, service)
    if options.protocol == "grpc-v2":
        console.say(json.dumps(_predict_grpc(ingress, service, body, file, options.timeout), indent=2))
        return 0
    answer = _predict_rest(ingress, service, body, file, options)
    if answer.status // 100 != 2:
        raise StackError(f"{options.name} answered {answer.status}: {answer.text}")
    console.say(answer.text)
    return 0


def _predict_rest(
    ingress: Ingress, service: ServiceStatus, body: dict[str, Any], file: str, options: Namespace
) -> Answer:
    host, model = service.plan.host, service.plan.model_name
    if options.protocol == "v1":
        return ingress.post(host, f"/v1/models/{model}:predict", payload.v1(body, file), options.timeout)
    return ingress.post(host, f"/v2/models/{model}/infer", payload.v2(body, file), options.timeout)


def _predict_grpc(
    ingress: Ingress, service: ServiceStatus, body: dict[str, Any], file: str, timeout: float
) -> dict[str, Any]:
    # Only this command needs gRPC, and it takes longer to import than the rest of isvc.
    from isvc.cli import infer_grpc

    request = payload.grpc(body, service.plan.model_name, file)
    return infer_grpc.infer(str(ingress), service.plan.host, request, timeout)


def _body(given: Path | None, service: ServiceStatus) -> tuple[dict[str, Any], str]:
    file = str(given) if given is not None else service.plan.warmup
    if file is None:
        raise InputError(f"{service.plan.name} has no input.json beside its YAML; give a request body with -i FILE")
    try:
        return payload.parse(Path(file).read_bytes(), file), file
    except OSError as exc:
        raise InputError(f"{file}: {exc.strerror}") from exc
