"""CloudEvents 1.0 in HTTP's binary mode, with KServe's attributes. Pure. Source: pkg/logger/worker.go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

REQUEST, RESPONSE = "org.kubeflow.serving.inference.request", "org.kubeflow.serving.inference.response"


@dataclass(frozen=True, slots=True)
class Source:
    """Who tells of the requests."""

    inference_service: str
    namespace: str
    component: str
    metadata_headers: tuple[str, ...] = ()
    """Names of request headers that go into every event."""
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Where KServe has the name of the pod."""
        return f"{self.inference_service}-{self.component}"


@dataclass(frozen=True, slots=True)
class Event:
    headers: Mapping[str, str]
    body: bytes


def event(
    kind: str,
    source: Source,
    request_id: str,
    path: str,
    request_headers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> Event:
    """The pair of one exchange has one id; the content type is the request's in both."""
    told = {name: [request_headers[name]] for name in source.metadata_headers if name in request_headers}
    attributes = {
        "ce-specversion": "1.0",
        "ce-type": kind,
        "ce-id": request_id,
        "ce-source": source.name,
        "ce-time": now.isoformat().replace("+00:00", "Z"),
        "ce-recordedtime": now.isoformat().replace("+00:00", "Z"),
        "ce-inferenceservicename": source.inference_service,
        "ce-namespace": source.namespace,
        "ce-component": source.component,
        "ce-endpoint": path,
        "ce-metadata": json.dumps(told),
        "ce-annotations": json.dumps(dict(source.annotations)),
        "Content-Type": request_headers.get("Content-Type", "application/json"),
    }
    return Event(attributes, body)
