"""Pods, Deployments and Services: what runs, in the shapes that Kubernetes would show. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from isvc.backends.stack import Phase, ServiceStatus, UnitStatus
from isvc.server.pods import Container, Pod, pods
from isvc.server.resources import DEPLOYMENTS, INFERENCE_SERVICES, PODS, SERVICES, Object, Resource
from isvc.server.status import timestamp

HOST = "127.0.0.1"
_NAMESPACE = uuid.UUID("3f6c1a52-8f0b-4be2-9c2c-6d1a0f8e7b15")
"""Of the uids of what is only shown: the same object has the same one each time."""
_QUEUED = 1000


@dataclass(frozen=True, slots=True)
class Shown:
    """One service that runs, and the object that wants it."""

    service: ServiceStatus
    owner: Object | None = None
    since: Mapping[str, float] = field(default_factory=dict)
    """When a pod, by its name, was seen first; of one that is not named, when the service was made."""

    def made(self, pod: str) -> float:
        return self.since.get(pod, self.service.created)


def objects(resource: Resource, shown: Sequence[Shown]) -> list[Object]:
    """Every object of one of the kinds that are shown."""
    make = _MAKERS[resource.kind]
    found = [_object(resource, each, made) for each in shown for made in make(each)]
    return sorted(found, key=lambda o: (o["metadata"]["namespace"], o["metadata"]["name"]))


def _object(resource: Resource, shown: Shown, made: Object) -> Object:
    plan = shown.service.plan
    name = made["metadata"]["name"]
    metadata: Object = {
        **made["metadata"],
        "namespace": plan.namespace,
        "uid": str(uuid.uuid5(_NAMESPACE, f"{resource.plural}/{plan.namespace}/{name}/{shown.service.created}")),
        "creationTimestamp": timestamp(shown.made(name)),
    }
    if shown.owner is not None:
        metadata["ownerReferences"] = [_owner(shown.owner)]
    return {"apiVersion": resource.api_version, "kind": resource.kind, **made, "metadata": metadata}


def _owner(owner: Object) -> Object:
    return {
        "apiVersion": INFERENCE_SERVICES.api_version,
        "kind": INFERENCE_SERVICES.kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _labels(service: ServiceStatus, pod: Pod) -> dict[str, str]:
    return {
        "app": f"isvc.{pod.deployment}",
        "component": pod.component,
        "serving.kserve.io/inferenceservice": service.plan.name,
    }


# Pods


def _pods(shown: Shown) -> Iterator[Object]:
    for pod in pods(shown.service.plan):
        yield _pod(shown.service, pod, timestamp(shown.made(pod.name)))


def _pod(service: ServiceStatus, pod: Pod, started: str) -> Object:
    statuses = {unit.name: unit for unit in service.units}
    before = [(each, statuses[each.unit.name]) for each in pod.before if each.unit.name in statuses]
    main = [(each, statuses[each.unit.name]) for each in pod.containers if each.unit.name in statuses]
    initialized = all(unit.phase is Phase.COMPLETED for _, unit in before)
    ready = initialized and all(unit.phase is Phase.READY for _, unit in main)
    return {
        "metadata": {"name": pod.name, "labels": {**_labels(service, pod), "pod-template-hash": pod.revision}},
        "spec": {
            "nodeName": "localhost",
            "restartPolicy": "Always",
            "initContainers": [_container(each, unit) for each, unit in before],
            "containers": [_container(each, unit) for each, unit in main],
        },
        "status": {
            "phase": "Running" if initialized and any(_alive(unit) for _, unit in main) else "Pending",
            "conditions": [
                {"type": name, "status": str(true), "lastTransitionTime": started}
                for name, true in (("Initialized", initialized), ("Ready", ready), ("ContainersReady", ready))
            ],
            "hostIP": HOST,
            "podIP": HOST,
            "startTime": started,
            "initContainerStatuses": [_container_status(each, unit, True, started) for each, unit in before],
            "containerStatuses": [_container_status(each, unit, initialized, started) for each, unit in main],
            "qosClass": "BestEffort",
        },
    }


def _alive(unit: UnitStatus) -> bool:
    return unit.phase is not Phase.WAITING


def _container(container: Container, unit: UnitStatus) -> Object:
    """`hostPort` is where it listens on this machine, which the address of a container's port names here."""
    addresses = dict(unit.addresses)
    ports = [
        {"name": name, "containerPort": number, "protocol": "TCP", **_host_port(addresses.get(name, ""))}
        for name, number in container.unit.ports
    ]
    return {"name": container.name, "image": container.unit.image, **({"ports": ports} if ports else {})}


def _host_port(address: str) -> dict[str, Any]:
    host, _, port = address.rpartition(":")
    return {"hostPort": int(port), "hostIP": host} if host == HOST else {}


def _container_status(container: Container, unit: UnitStatus, initialized: bool, started: str) -> Object:
    state, last = _state(unit, initialized, started)
    return {
        "name": container.name,
        "image": container.unit.image,
        "imageID": container.unit.image,
        "ready": unit.phase.settled,
        "started": "running" in state,
        "restartCount": max(0, unit.restarts),
        "state": state,
        "lastState": last,
    }


def _state(unit: UnitStatus, initialized: bool, started: str) -> tuple[Object, Object]:
    """What it does now, and how it ended before."""
    ended = _terminated(unit, started)
    match unit.phase:
        case Phase.WAITING:
            return {"waiting": {"reason": "ContainerCreating" if initialized else "PodInitializing"}}, {}
        case Phase.COMPLETED:
            return ended, {}
        case Phase.FAILED:
            return {"waiting": {"reason": "CrashLoopBackOff", "message": "it is started again after a pause"}}, ended
        case _:
            return {"running": {"startedAt": started}}, ended if unit.restarts and unit.exit_code is not None else {}


def _terminated(unit: UnitStatus, started: str) -> Object:
    code = unit.exit_code or 0
    told: Object = {"exitCode": code, "reason": "Error" if code else "Completed", "startedAt": started}
    if unit.last_lines:
        told["message"] = "\n".join(unit.last_lines)
    return {"terminated": told}


# Deployments and Services


def _deployments(shown: Shown) -> Iterator[Object]:
    by_name: dict[str, list[Pod]] = {}
    for pod in pods(shown.service.plan):
        by_name.setdefault(pod.deployment, []).append(pod)
    for name, copies in by_name.items():
        yield _deployment(shown.service, name, copies)


def _deployment(service: ServiceStatus, name: str, copies: Sequence[Pod]) -> Object:
    statuses = {unit.name: unit for unit in service.units}
    ready = sum(all(statuses[c.unit.name].phase.settled for c in pod.containers) for pod in copies)
    labels = _labels(service, copies[0])
    template = {
        "metadata": {"labels": labels},
        "spec": {
            "initContainers": [{"name": c.name, "image": c.unit.image} for c in copies[0].before],
            "containers": [{"name": c.name, "image": c.unit.image} for c in copies[0].containers],
        },
    }
    return {
        "metadata": {"name": name, "labels": labels, "generation": 1},
        "spec": {"replicas": len(copies), "selector": {"matchLabels": {"app": labels["app"]}}, "template": template},
        "status": {
            "observedGeneration": 1,
            "replicas": len(copies),
            "updatedReplicas": len(copies),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": len(copies) - ready,
            "conditions": [_available(ready == len(copies), service)],
        },
    }


def _available(ready: bool, service: ServiceStatus) -> Object:
    reason = "MinimumReplicasAvailable" if ready else "MinimumReplicasUnavailable"
    when = timestamp(service.created)
    return {"type": "Available", "status": str(ready), "reason": reason, "lastTransitionTime": when}


def _services(shown: Shown) -> Iterator[Object]:
    """One per component, as in Standard mode: port 80 leads to the first port of its server."""
    done = set()
    for pod in pods(shown.service.plan):
        if pod.deployment not in done and pod.containers[0].unit.ports:
            done.add(pod.deployment)
            yield _service(shown.service, pod)


def _service(service: ServiceStatus, pod: Pod) -> Object:
    (name, number), *others = pod.containers[0].unit.ports
    labels = _labels(service, pod)
    first = {"name": name, "port": 80, "targetPort": number, "protocol": "TCP"}
    rest = [{"name": other, "port": port, "targetPort": port, "protocol": "TCP"} for other, port in others]
    return {
        "metadata": {"name": pod.deployment, "labels": labels},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": HOST,
            "clusterIPs": [HOST],
            "ports": [first, *rest],
            "selector": {"app": labels["app"]},
        },
        "status": {"loadBalancer": {}},
    }


_MAKERS: dict[str, Callable[[Shown], Iterator[Object]]] = {
    PODS.kind: _pods,
    DEPLOYMENTS.kind: _deployments,
    SERVICES.kind: _services,
}
