"""A service's status as KServe's controller writes it: conditions, components, url. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from isvc.backends.stack import Phase, RouteState, ServiceStatus, UnitStatus
from isvc.plan.units import Component

_KINDS = (("PredictorReady", Component.PREDICTOR), ("TransformerReady", Component.TRANSFORMER))


def url(service: ServiceStatus) -> str:
    """Empty until the route has opened once."""
    return "" if service.route is RouteState.ABSENT else f"http://{service.plan.host}"


def ready_word(service: ServiceStatus) -> str:
    return str(service.ready)


def document(service: ServiceStatus) -> dict[str, Any]:
    """The InferenceService object, as `kubectl get -o json` shows it but for its spec."""
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": service.plan.name,
            "namespace": service.plan.namespace,
            "creationTimestamp": datetime.fromtimestamp(service.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        "status": _status(service),
    }


def _status(service: ServiceStatus) -> Mapping[str, Any]:
    told: dict[str, Any] = {"conditions": conditions(service), "modelStatus": _model_status(service)}
    return {**told, "url": url(service)} if url(service) else told


def conditions(service: ServiceStatus) -> list[dict[str, str]]:
    if service.plan.stopped:
        return [
            {"type": "Stopped", "status": "True"},
            *(_condition(name, False, "Stopped") for name in ("PredictorReady", "IngressReady", "Ready")),
        ]
    components = {unit.name: unit.component for unit in service.plan.units}
    found = []
    for name, component in _KINDS:
        units = [unit for unit in service.units if components[unit.name] is component]
        if units:
            found.append(_condition(name, all(u.phase is Phase.READY for u in units), _reason(units)))
    found.append(_condition("IngressReady", service.route is RouteState.OPEN, f"Route{service.route.value}"))
    found.append(_condition("Ready", service.ready, "NotReady"))
    return found


def _condition(kind: str, holds: bool, reason: str) -> dict[str, str]:
    return {"type": kind, "status": str(holds)} if holds else {"type": kind, "status": "False", "reason": reason}


def _reason(units: list[UnitStatus]) -> str:
    return next((unit.phase.value for unit in units if unit.phase is not Phase.READY), "")


def _model_status(service: ServiceStatus) -> dict[str, Any]:
    """In KServe's words: Pending, Loading (the initializer runs), Loaded, FailedToLoad (with the initializer's end)."""
    components = {unit.name: unit.component for unit in service.plan.units}
    by_component = {components[unit.name]: unit for unit in service.units}
    initializer, predictor = by_component.get(Component.STORAGE_INITIALIZER), by_component.get(Component.PREDICTOR)
    if initializer is not None and initializer.phase is Phase.FAILED:
        return {
            "states": {"targetModelState": "FailedToLoad"},
            "transitionStatus": "BlockedByFailedLoad",
            "lastFailureInfo": {
                "reason": "ModelLoadFailed",
                "message": "\n".join(initializer.last_lines),
                "exitCode": initializer.exit_code,
            },
        }
    if predictor is not None and predictor.phase is Phase.READY:
        return {"states": {"activeModelState": "Loaded", "targetModelState": "Loaded"}, "transitionStatus": "UpToDate"}
    loading = initializer is not None and initializer.phase is Phase.STARTING
    return {"states": {"targetModelState": "Loading" if loading else "Pending"}, "transitionStatus": "InProgress"}
