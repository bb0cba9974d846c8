"""Objects as the rows that kubectl prints: `Table`, with KServe's and Kubernetes' columns. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from isvc.server.resources import Object, Resource

Cell = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    cell: Callable[[Object, float], Cell]
    type: str = "string"
    format: str = ""
    wide: bool = False

    def definition(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": "",
            "priority": int(self.wide),
        }


def table(
    resource: Resource, items: Sequence[Object], version: str, now: float, *, include: str = "Metadata"
) -> dict[str, Any]:
    """`include`: what of each object goes along: None, Metadata or Object."""
    columns = _COLUMNS.get(resource.kind, _DEFAULT)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": [column.definition() for column in columns],
        "rows": [
            {"cells": [_cell(column, item, now) for column in columns], "object": _included(item, include)}
            for item in items
        ],
    }


def _cell(column: Column, item: Object, now: float) -> Cell:
    """Empty where an object is not of the shape that its kind has: a list shows it all the same."""
    try:
        return column.cell(item, now)
    except (AttributeError, LookupError, TypeError, ValueError):
        return None


def partial(item: Object) -> Object:
    """An object's metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}


def _included(item: Object, include: str) -> Object | None:
    if include == "None":
        return None
    return item if include == "Object" else partial(item)


def age(since: str, now: float) -> str:
    """The time since a timestamp, as kubectl writes it."""
    try:
        then = datetime.fromisoformat(since).astimezone(UTC).timestamp()
    except ValueError:
        return "<unknown>"
    seconds = max(0, int(now - then))
    for limit, big, small in ((120, "s", ""), (600, "m", "s"), (10_800, "m", ""), (28_800, "h", "m")):
        if seconds < limit:
            return _words(seconds, big, small)
    for limit, big, small in ((172_800, "h", ""), (691_200, "d", "h"), (63_072_000, "d", "")):
        if seconds < limit:
            return _words(seconds, big, small)
    return _words(seconds, "y", "d")


_SIZES = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "y": 31_536_000}


def _words(seconds: int, big: str, small: str) -> str:
    whole, rest = divmod(seconds, _SIZES[big])
    rest = rest // _SIZES[small] if small else 0
    return f"{whole}{big}" + (f"{rest}{small}" if rest else "")


def _at(*steps: str | int) -> Callable[[Object, float], Cell]:
    def cell(item: Object, now: float) -> Cell:
        found: Any = item
        for step in steps:
            if isinstance(step, str):
                found = found.get(step) if isinstance(found, dict) else None
            else:
                found = found[step] if isinstance(found, list) and step < len(found) else None
        return found if isinstance(found, str | int) else None

    return cell


def _count(*fields: str) -> Callable[[Object, float], Cell]:
    return lambda item, now: sum(len(item.get(field) or ()) for field in fields)


def _age(item: Object, now: float) -> Cell:
    return age(item["metadata"].get("creationTimestamp", ""), now)


def _condition(kind: str) -> Callable[[Object, float], Cell]:
    def cell(item: Object, now: float) -> Cell:
        conditions = item.get("status", {}).get("conditions") or []
        return next((str(one["status"]) for one in conditions if one["type"] == kind), None)

    return cell


def _traffic(latest: bool, field: str) -> Callable[[Object, float], Cell]:
    """Of the predictor's traffic, the share of the latest revision or of the one before, as KServe prints it."""

    def cell(item: Object, now: float) -> Cell:
        components = item.get("status", {}).get("components") or {}
        for share in components.get("predictor", {}).get("traffic") or ():
            if share.get("latestRevision") is True if latest else share.get("tag") == "prev":
                found = share.get(field)
                return found if isinstance(found, str | int) else None
        return None

    return cell


def _rolled_out(name: str) -> Callable[[Object, float], Cell]:
    return _at("status", "components", "predictor", name)


def _pod_ready(item: Object, now: float) -> Cell:
    statuses = item.get("status", {}).get("containerStatuses") or []
    total = len(item.get("spec", {}).get("containers") or ()) or len(statuses)
    return f"{sum(bool(one.get('ready')) for one in statuses)}/{total}"


def _pod_status(item: Object, now: float) -> Cell:
    """What kubectl shows: the reason why something waits or ended, else the phase."""
    if "deletionTimestamp" in item["metadata"]:
        return "Terminating"
    status = item.get("status", {})
    initializers = status.get("initContainerStatuses") or []
    done = sum(1 for one in initializers if _state(one, "terminated").get("exitCode") == 0)
    for one in initializers:
        ended, waiting = _state(one, "terminated"), _state(one, "waiting")
        if ended.get("exitCode") == 0:
            continue
        if ended:
            return f"Init:{ended.get('reason') or 'ExitCode:' + str(ended.get('exitCode'))}"
        if waiting.get("reason") not in (None, "", "PodInitializing"):
            return f"Init:{waiting['reason']}"
        return f"Init:{done}/{len(initializers)}"
    for one in reversed(status.get("containerStatuses") or []):
        reason = _state(one, "waiting").get("reason") or _state(one, "terminated").get("reason")
        if reason:
            return str(reason)
    return str(status.get("reason") or status.get("phase") or "Unknown")


def _state(status: Object, name: str) -> Object:
    found: Object = (status.get("state") or {}).get(name) or {}
    return found


def _restarts(item: Object, now: float) -> Cell:
    status = item.get("status", {})
    every = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    return str(sum(int(one.get("restartCount", 0)) for one in every))


def _replicas(item: Object, now: float) -> Cell:
    return f"{item.get('status', {}).get('readyReplicas', 0)}/{item.get('spec', {}).get('replicas', 0)}"


def _number(name: str) -> Callable[[Object, float], Cell]:
    return lambda item, now: int(item.get("status", {}).get(name) or 0)


def _containers(field: str) -> Callable[[Object, float], Cell]:
    def cell(item: Object, now: float) -> Cell:
        spec = item.get("spec", {})
        pod = spec.get("template", {}).get("spec", spec)
        return ",".join(str(one.get(field, "")) for one in pod.get("containers") or ())

    return cell


def _or(default: str, cell: Callable[[Object, float], Cell]) -> Callable[[Object, float], Cell]:
    return lambda item, now: cell(item, now) or default


def _service_ports(item: Object, now: float) -> Cell:
    ports = item.get("spec", {}).get("ports") or []
    return ",".join(f"{one['port']}/{one.get('protocol', 'TCP')}" for one in ports) or "<none>"


def _pairs(*steps: str) -> Callable[[Object, float], Cell]:
    def cell(item: Object, now: float) -> Cell:
        found: Any = item
        for step in steps:
            found = (found or {}).get(step)
        return ",".join(f"{key}={value}" for key, value in (found or {}).items()) or "<none>"

    return cell


def _event_seen(item: Object, now: float) -> Cell:
    return age(item.get("lastTimestamp") or item.get("eventTime") or item.get("firstTimestamp") or "", now)


def _event_object(item: Object, now: float) -> Cell:
    about = item.get("involvedObject", {})
    return f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"


_NAME = Column("Name", _at("metadata", "name"), format="name")
_AGE = Column("Age", _age)
_DEFAULT = (_NAME, _AGE)
_RUNTIME = (
    _NAME,
    Column("Disabled", _at("spec", "disabled"), "boolean"),
    Column("ModelType", _at("spec", "supportedModelFormats", 0, "name")),
    Column("Containers", _at("spec", "containers", 0, "name")),
    _AGE,
)
_COLUMNS: Mapping[str, Sequence[Column]] = {
    "InferenceService": (
        _NAME,
        Column("URL", _at("status", "url")),
        Column("Ready", _condition("Ready")),
        Column("Prev", _traffic(False, "percent"), "integer"),
        Column("Latest", _traffic(True, "percent"), "integer"),
        Column("PrevRolledoutRevision", _traffic(False, "revisionName")),
        Column("LatestReadyRevision", _traffic(True, "revisionName")),
        _AGE,
    ),
    "ServingRuntime": _RUNTIME,
    "ClusterServingRuntime": _RUNTIME,
    "Namespace": (_NAME, Column("Status", _or("Active", _at("status", "phase"))), _AGE),
    "Secret": (_NAME, Column("Type", _at("type")), Column("Data", _count("data"), "integer"), _AGE),
    "ConfigMap": (_NAME, Column("Data", _count("data", "binaryData"), "integer"), _AGE),
    "ServiceAccount": (_NAME, Column("Secrets", _count("secrets"), "integer"), _AGE),
    "Event": (
        Column("Last Seen", _event_seen),
        Column("Type", _at("type")),
        Column("Reason", _at("reason")),
        Column("Object", _event_object),
        Column("Subobject", _at("involvedObject", "fieldPath"), wide=True),
        Column("Source", _at("source", "component"), wide=True),
        Column("Message", _at("message")),
        Column("First Seen", lambda item, now: age(item.get("firstTimestamp") or "", now), wide=True),
        Column("Count", _at("count"), "integer", wide=True),
        Column("Name", _at("metadata", "name"), format="name", wide=True),
    ),
    "Pod": (
        _NAME,
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _restarts),
        _AGE,
        Column("IP", _or("<none>", _at("status", "podIP")), wide=True),
        Column("Node", _or("<none>", _at("spec", "nodeName")), wide=True),
        Column("Nominated Node", _or("<none>", _at("status", "nominatedNodeName")), wide=True),
        Column("Readiness Gates", lambda item, now: "<none>", wide=True),
    ),
    "Deployment": (
        _NAME,
        Column("Ready", _replicas),
        Column("Up-to-date", _number("updatedReplicas"), "integer"),
        Column("Available", _number("availableReplicas"), "integer"),
        _AGE,
        Column("Containers", _containers("name"), wide=True),
        Column("Images", _containers("image"), wide=True),
        Column("Selector", _pairs("spec", "selector", "matchLabels"), wide=True),
    ),
    "Service": (
        _NAME,
        Column("Type", _or("ClusterIP", _at("spec", "type"))),
        Column("Cluster-IP", _or("<none>", _at("spec", "clusterIP"))),
        Column("External-IP", _or("<none>", _at("spec", "externalName"))),
        Column("Port(s)", _service_ports),
        _AGE,
        Column("Selector", _pairs("spec", "selector"), wide=True),
    ),
}
