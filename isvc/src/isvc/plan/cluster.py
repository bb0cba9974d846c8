"""What a cluster's administrator has set: KServe's ConfigMap `inferenceservice-config`, as far as it decides hosts.

It may stand among the documents; without it hold the defaults of KServe's installation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isvc.errors import PlanError
from isvc.manifest import ConfigMap, Document

NAME = "inferenceservice-config"


@dataclass(frozen=True, slots=True)
class Cluster:
    ingress_domain: str = "example.com"
    domain_template: str = "{{ .Name }}-{{ .Namespace }}.{{ .IngressDomain }}"
    """Of Standard mode."""
    path_template: str = ""
    """Of Knative mode: below which path of the ingress' domain a service answers too."""
    deployment_mode: str = "Knative"


def cluster(documents: Sequence[Document]) -> Cluster:
    """Raises PlanError where the ConfigMap cannot be read."""
    for document in documents:
        match document.resource:
            case ConfigMap(data=data) if document.resource.metadata.name == NAME:
                ingress = _section(document, data or {}, "ingress")
                deploy = _section(document, data or {}, "deploy")
                return _of(ingress, deploy)
    return Cluster()


def _of(ingress: Mapping[str, str], deploy: Mapping[str, str]) -> Cluster:
    default = Cluster()
    return Cluster(
        ingress_domain=ingress.get("ingressDomain") or default.ingress_domain,
        domain_template=ingress.get("domainTemplate") or default.domain_template,
        path_template=ingress.get("pathTemplate", ""),
        deployment_mode=deploy.get("defaultDeploymentMode") or default.deployment_mode,
    )


def _section(document: Document, data: Mapping[str, str], name: str) -> dict[str, str]:
    place = document.place("data", name)
    try:
        found: Any = json.loads(data.get(name) or "{}")
    except ValueError as exc:
        raise PlanError(f"is not JSON: {exc}", place) from exc
    if not isinstance(found, dict):
        raise PlanError("has to be a JSON object", place)
    return {key: value for key, value in found.items() if isinstance(value, str)}
