"""Events as a cluster would write them: what became of pods and services, seen by comparing two looks at the stack."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from isvc.backends.stack import Phase, ServiceStatus, UnitStatus
from isvc.server.errors import Conflict, NotFound
from isvc.server.pods import Container, Pod, pods
from isvc.server.resources import EVENTS, INFERENCE_SERVICES, PODS, Object, Resource
from isvc.server.status import timestamp
from isvc.server.store import Store
from isvc.server.views import Shown, objects

LIFE = 3600.0
"""Seconds after which an event is forgotten, as in Kubernetes."""
CONTROLLER = "v1beta1Controllers"
"""What KServe's controller signs its events with."""
_KUBELET, _SCHEDULER = "kubelet", "default-scheduler"


@dataclass(frozen=True, slots=True)
class Happened:
    resource: Resource
    name: str
    reason: str
    message: str
    source: str
    warning: bool = False


def between(before: ServiceStatus | None, after: ServiceStatus) -> Iterator[Happened]:
    """What has happened to the pods of a service between two looks at it; `before` is None for a new one."""
    old = {unit.name: unit for unit in before.units} if before else {}
    new = {unit.name: unit for unit in after.units}
    known = {pod.name for pod in pods(before.plan)} if before else set()
    for pod in pods(after.plan):
        if pod.name not in known:
            yield _of_pod(pod, "Scheduled", f"Successfully assigned {after.plan.namespace}/{pod.name} to localhost")
            old = {name: unit for name, unit in old.items() if name not in _units(pod)}
        for container in (*pod.before, *pod.containers):
            if container.unit.name in new:
                yield from _of_container(pod, container, old.get(container.unit.name), new[container.unit.name])


def readiness(before: bool | None, after: bool, name: str) -> Iterator[Happened]:
    """Of the InferenceService itself, when its condition Ready turns."""
    if after and not before:
        yield Happened(
            INFERENCE_SERVICES, name, "InferenceServiceReady", f"InferenceService [{name}] is Ready", CONTROLLER
        )
    elif before and not after:
        told = f"InferenceService [{name}] is no longer Ready"
        yield Happened(INFERENCE_SERVICES, name, "InferenceServiceNotReady", told, CONTROLLER, warning=True)


def _units(pod: Pod) -> set[str]:
    return {container.unit.name for container in (*pod.before, *pod.containers)}


def _of_pod(pod: Pod, reason: str, message: str) -> Happened:
    return Happened(PODS, pod.name, reason, message, _SCHEDULER)


def _of_container(pod: Pod, container: Container, old: UnitStatus | None, new: UnitStatus) -> Iterator[Happened]:
    def told(reason: str, message: str, *, warning: bool = False) -> Happened:
        return Happened(PODS, pod.name, reason, message, _KUBELET, warning)

    was = old.phase if old else Phase.WAITING
    if was is Phase.WAITING and new.phase is not Phase.WAITING:
        yield told("Pulled", f'Container image "{container.unit.image}" already present on machine')
        yield told("Created", f"Created container {container.name}")
        yield told("Started", f"Started container {container.name}")
    elif old is not None and new.restarts > old.restarts:
        yield told("Started", f"Started container {container.name}")
    if new.phase is Phase.FAILED and (was is not Phase.FAILED or old is None or new.restarts > old.restarts):
        message = f"Back-off restarting failed container {container.name} in pod {pod.name}"
        yield told("BackOff", message, warning=True)
    if new.phase is Phase.STOPPING and was is not Phase.STOPPING:
        yield told("Killing", f"Stopping container {container.name}")


class Recorder:
    """Writes events into the store; one that happens again is counted."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, happened: Sequence[Happened], shown: Shown, now: float) -> None:
        plan = shown.service.plan
        known = {one["metadata"]["name"]: one for one in objects(PODS, [shown])}
        for each in happened:
            owner = known.get(each.name) if each.resource is PODS else shown.owner
            self.write(each, plan.namespace, owner, now)

    def write(self, happened: Happened, namespace: str, about: Object | None, now: float) -> None:
        uid = about["metadata"]["uid"] if about else ""
        told = hashlib.sha256(f"{uid}{happened.reason}{happened.message}".encode()).hexdigest()[:16]
        name = f"{happened.name}.{told}"
        try:
            event = self._store.get(EVENTS, namespace, name)
        except NotFound:
            self._store.create(EVENTS, _event(happened, namespace, name, uid, now))
            return
        event["count"] += 1
        event["lastTimestamp"] = timestamp(now)
        try:
            self._store.update(EVENTS, event)
        except (Conflict, NotFound):
            return  # somebody deletes events

    def forget(self, now: float) -> None:
        """Those that are older than an event lives."""
        oldest = timestamp(now - LIFE)
        for event in self._store.list(EVENTS).items:
            if event.get("lastTimestamp", oldest) < oldest:
                self._delete(event)

    def _delete(self, event: Object) -> None:
        try:
            self._store.delete(EVENTS, event["metadata"]["namespace"], event["metadata"]["name"])
        except NotFound:
            return


def _event(happened: Happened, namespace: str, name: str, uid: str, now: float) -> Object:
    resource, when = happened.resource, timestamp(now)
    involved = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": happened.name,
        "namespace": namespace,
        "uid": uid,
    }
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {key: value for key, value in involved.items() if value},
        "reason": happened.reason,
        "message": happened.message[:1024],
        "type": "Warning" if happened.warning else "Normal",
        "source": {"component": happened.source},
        "reportingComponent": happened.source,
        "reportingInstance": "",
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
        "eventTime": None,
    }
