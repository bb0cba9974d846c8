"""A service's status as KServe's controller writes it: url, address, components, conditions, modelStatus. Pure.

Two places of KServe say what stands here: `inference_service_status.go` (conditions, modelStatus) and the ingress
reconcilers (url, address).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from isvc.backends.stack import Phase, RouteState, ServiceStatus, UnitStatus
from isvc.errors import InputError, IsvcError
from isvc.plan.units import Component, ServicePlan
from isvc.server.pods import Pod, components, pods

Status = dict[str, Any]

_INFO = ("TransformerReady", "Stopped")
"""Ready is made of the others: these inform."""
_REFUSALS = (
    ("no runtime found to support", "NoSupportingRuntime"),
    ("no ServingRuntime or ClusterServingRuntime is called", "RuntimeNotRecognized"),
    ("is disabled; take another", "RuntimeDisabled"),
)
_LONGEST_MESSAGE = 4096
"""Bytes of a container's last lines that Kubernetes keeps as its termination message."""


def timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def url(service: ServiceStatus) -> str:
    """Empty until the route has opened once."""
    return "" if service.route is RouteState.ABSENT else f"http://{service.plan.host}"


def of_service(
    service: ServiceStatus,
    now: float | None = None,
    *,
    mode: str = "",
    generation: int | None = None,
    before: Status | None = None,
) -> Status:
    """The status of what runs. `before` is the one that was written last: times of what did not change are its.

    Without `now`, by one who looks once and remembers nothing, it has no times.
    """
    where: Status = {"url": url(service), "address": {"url": _address(service.plan, mode)}} if url(service) else {}
    told: Status = {
        **where,
        "components": _components(service),
        "conditions": conditions(service, now, before),
        "modelStatus": _failing_still(_model_status(service), service, before),
    }
    return {**told, **_seen(mode, generation)}


def of_refused(
    error: IsvcError, now: float, *, mode: str = "", generation: int | None = None, before: Status | None = None
) -> Status:
    """The status of a service that cannot be planned or started. What ran of it before goes on, at its addresses."""
    message = str(error)
    failed = {"reason": _refusal(error), "message": message}
    found = [
        _condition("IngressReady", False, "Predictor ingress not created"),
        _condition("PredictorReady", False, failed["reason"], message),
        _condition("Ready", False, failed["reason"], message),
    ]
    kept = {name: value for name, value in (before or {}).items() if name in ("url", "address", "components")}
    model = {
        "copies": {"failedCopies": 0, "totalCopies": 0},
        "lastFailureInfo": failed,
        **_transition("InvalidSpec" if isinstance(error, InputError) else "BlockedByFailedLoad", "", "FailedToLoad"),
    }
    told: Status = {**kept, "conditions": _timed(found, now, before), "modelStatus": model}
    return {**told, **_seen(mode, generation)}


def conditions(service: ServiceStatus, now: float | None = None, before: Status | None = None) -> list[dict[str, str]]:
    """In the order of their names, as KServe keeps them."""
    found = _stopped() if service.plan.stopped else list(_running(service))
    return _timed(sorted(found, key=lambda condition: condition["type"]), now, before)


def holds(status: Mapping[str, Any], name: str) -> bool:
    """Whether the condition `name` is True."""
    return any(c["type"] == name and c["status"] == "True" for c in status.get("conditions", ()))


def _stopped() -> list[dict[str, str]]:
    others = (_condition(name, False, "Stopped") for name in ("PredictorReady", "IngressReady", "Ready"))
    return [_condition("Stopped", True), *others]


def _running(service: ServiceStatus) -> Iterator[dict[str, str]]:
    not_ready = [found for found in _component_conditions(service) if found["status"] == "False"]
    yield from _component_conditions(service)
    yield _ingress_condition(service, not_ready)
    if service.ready or (service.current and service.route is RouteState.OPEN and not not_ready):
        yield _condition("Ready", True)
    else:
        blame = not_ready[0] if not_ready else _ingress_condition(service, not_ready)
        yield _condition("Ready", False, blame.get("reason", ""), blame.get("message", ""))
    yield _condition("Stopped", False)


def _component_conditions(service: ServiceStatus) -> list[dict[str, str]]:
    """PredictorReady, and TransformerReady where there is one."""
    statuses = {unit.name: unit for unit in service.units}
    found = []
    for component in ("predictor", "transformer"):
        own = [pod for pod in pods(service.plan) if _has(pod, component)]
        if own:
            units = [statuses[c.unit.name] for pod in own for c in (*pod.before, *pod.containers)]
            away = next((unit for unit in units if not unit.phase.settled), None)
            reason, message = _why(away) if away is not None else ("", "")
            found.append(_condition(f"{component.capitalize()}Ready", away is None, reason, message))
    return found


def _has(pod: Pod, component: str) -> bool:
    return any(container.unit.component.value == component for container in pod.containers)


def _why(unit: UnitStatus) -> tuple[str, str]:
    """Reason and message, in Knative's and the Deployment's words."""
    if unit.phase is Phase.FAILED:
        return f"ExitCode{unit.exit_code}", f"Container failed with: {_end(unit)}"
    return "MinimumReplicasUnavailable", f"{unit.name} is {unit.phase.value.lower()}"


def _ingress_condition(service: ServiceStatus, not_ready: Sequence[Mapping[str, str]]) -> dict[str, str]:
    if service.route is RouteState.OPEN and service.current:
        return _condition("IngressReady", True)
    if service.route is RouteState.UNAVAILABLE:
        return _condition("IngressReady", False, "RouteUnavailable", "what the route leads to is not ready")
    if not_ready:
        return _condition("IngressReady", False, f"{not_ready[0]['type'].removesuffix('Ready')} ingress not created")
    return _condition("IngressReady", False, "RouteNotReady", "the ingress has no route to it yet")


def _condition(name: str, true: bool, reason: str = "", message: str = "") -> dict[str, str]:
    told = {"type": name, "status": str(true), "reason": reason, "message": message}
    told["severity"] = "Info" if name in _INFO else ""
    return {key: value for key, value in told.items() if value}


def _timed(found: list[dict[str, str]], now: float | None, before: Status | None) -> list[dict[str, str]]:
    """Each with the time of its last change from True to False or back."""
    if now is None:
        return found
    old = {condition["type"]: condition for condition in (before or {}).get("conditions", ())}
    for condition in found:
        last = old.get(condition["type"], {})
        same = last.get("status") == condition["status"] and "lastTransitionTime" in last
        condition["lastTransitionTime"] = last["lastTransitionTime"] if same else timestamp(now)
    return found


def _address(plan: ServicePlan, mode: str) -> str:
    """In the cluster: in Standard mode a service of a component's name, in Knative mode of its own."""
    front = f"-{['predictor', 'transformer'][len(plan.component_routes) - 1]}" if mode == "Standard" else ""
    return f"http://{plan.name}{front}.{plan.namespace}.svc.cluster.local"


def _components(service: ServiceStatus) -> Status:
    names = ("predictor", "transformer")
    if not url(service):
        return {}
    routes = zip(names, service.plan.component_routes, strict=False)
    return {name: {"url": f"http://{route.hosts[0]}"} for name, route in routes}


def _model_status(service: ServiceStatus) -> Status:
    """In KServe's words: Pending, Loading (the initializer runs), Loaded, FailedToLoad (with the last lines)."""
    statuses = {unit.name: unit for unit in service.units}
    predictors = [statuses[unit.name] for name, unit in components(service.plan) if name == "predictor"]
    initializers = [
        statuses[unit.name] for unit in service.plan.units if unit.component is Component.STORAGE_INITIALIZER
    ]
    ready = sum(unit.phase is Phase.READY for unit in predictors)
    failed = [unit for unit in (*initializers, *predictors) if unit.phase is Phase.FAILED]
    told: Status = {"copies": {"failedCopies": len(failed), "totalCopies": ready}}
    if failed:
        return {**told, **_failed_to_load(failed[0], ready)}
    if predictors and ready == len(predictors):
        return {**told, **_transition("UpToDate", "Loaded", "Loaded")}
    loading = any(unit.phase is Phase.STARTING for unit in initializers)
    return {**told, **_transition("InProgress", "Loaded" if ready else "", "Loading" if loading else "Pending")}


def _failing_still(told: Status, service: ServiceStatus, before: Status | None) -> Status:
    """One that has failed to load, and is being tried again, has failed until it is loaded."""
    last = (before or {}).get("modelStatus", {}).get("lastFailureInfo")
    again = any(unit.restarts > 0 and unit.exit_code and not unit.phase.settled for unit in service.units)
    if told["transitionStatus"] != "InProgress" or not again or not last:
        return told
    active = told["states"]["activeModelState"]
    return {**told, "lastFailureInfo": last, **_transition("BlockedByFailedLoad", active, "FailedToLoad")}


def _failed_to_load(unit: UnitStatus, ready: int) -> Status:
    info = {"reason": "ModelLoadFailed", "message": _end(unit), "exitCode": unit.exit_code}
    states = _transition("BlockedByFailedLoad", "Loaded" if ready else "", "FailedToLoad")
    return {"lastFailureInfo": info, **states}


def _transition(status: str, active: str, target: str) -> Status:
    return {"states": {"activeModelState": active, "targetModelState": target}, "transitionStatus": status}


def _end(unit: UnitStatus) -> str:
    return "\n".join(unit.last_lines)[-_LONGEST_MESSAGE:]


def _refusal(error: IsvcError) -> str:
    """KServe's reason for a predictor that cannot be planned, or not be started."""
    if not isinstance(error, InputError):
        return "ModelLoadFailed"
    found = (reason for words, reason in _REFUSALS if words in str(error))
    return next(found, "InvalidPredictorSpec")


def _seen(mode: str, generation: int | None) -> Status:
    told = {"deploymentMode": mode, "observedGeneration": generation}
    return {name: value for name, value in told.items() if value}
