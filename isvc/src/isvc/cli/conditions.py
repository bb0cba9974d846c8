"""A running service as the InferenceService object that `isvc get` prints. Its status is the controller's. Pure."""

from __future__ import annotations

from typing import Any

from isvc.backends.stack import ServiceStatus
from isvc.server.status import of_service, timestamp, url

__all__ = ["document", "ready_word", "url"]


def ready_word(service: ServiceStatus) -> str:
    return str(service.ready)


def document(service: ServiceStatus) -> dict[str, Any]:
    """The InferenceService object, as `kubectl get -o json` shows it but for its spec and the times of its status."""
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": service.plan.name,
            "namespace": service.plan.namespace,
            "creationTimestamp": timestamp(service.created),
        },
        "status": of_service(service),
    }
