"""The host names of a service and its components, as the two deployment modes have them (reconcilers/ingress)."""

from __future__ import annotations

import re

from isvc.errors import PlanError
from isvc.manifest import Document
from isvc.manifest.nodes import nearest
from isvc.plan.cluster import Cluster

MODE_ANNOTATION = "serving.kserve.io/deploymentMode"
_VISIBILITY = {"Standard": "networking.kserve.io/visibility", "Knative": "networking.knative.dev/visibility"}
_MODES = {"Knative": "Knative", "Serverless": "Knative", "Standard": "Standard", "RawDeployment": "Standard"}
_VARIABLE = re.compile(r"\{\{\s*\.(\w+)\s*\}\}")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def host(document: Document, cluster: Cluster, component: str = "") -> str:
    """`name.namespace.example.com`, in Standard mode by the domain template; of a component, `name-predictor…`.

    A service that is visible in its cluster only has the name that it has there.
    """
    metadata = document.resource.metadata
    name = f"{metadata.name}-{component}" if component else metadata.name
    if is_cluster_local(document, cluster):
        return f"{name}.{metadata.namespace}.svc.cluster.local"
    if mode(document, cluster) == "Knative":
        return f"{name}.{metadata.namespace}.{cluster.ingress_domain}"
    found = _filled(cluster.domain_template, name, document, cluster)
    if not _HOST.fullmatch(found):
        message = f'the domain template gives "{found}", which is no host name'
        raise PlanError(message, document.place("metadata", "name"))
    return found


def is_cluster_local(document: Document, cluster: Cluster) -> bool:
    label = _VISIBILITY[mode(document, cluster)]
    return document.resource.metadata.label(label) == "cluster-local" or cluster.ingress_domain == "svc.cluster.local"


def path(document: Document, cluster: Cluster) -> str:
    """Below what a service answers on the ingress' domain, `/serving/default/iris/`; "" where no template says so.

    Only Knative mode: in Standard mode one service would take the whole domain (kserve issues 5384 and 4888).
    """
    if not cluster.path_template or mode(document, cluster) != "Knative" or is_cluster_local(document, cluster):
        return ""
    found = _filled(cluster.path_template, document.resource.metadata.name, document, cluster)
    return f"/{found.strip('/')}/"


def mode(document: Document, cluster: Cluster) -> str:
    """`Knative` or `Standard`. Raises PlanError for any other."""
    written = document.resource.metadata.annotation(MODE_ANNOTATION) or cluster.deployment_mode
    if written in _MODES:
        return _MODES[written]
    place = document.place("metadata", "annotations", MODE_ANNOTATION)
    if written == "ModelMesh":
        raise PlanError("ModelMesh does not run here; write Knative or Standard", place)
    similar = nearest(written, _MODES)
    raise PlanError(
        f'"{written}" is no deployment mode; '
        + (f"did you mean {similar}?" if similar else "write Knative or Standard"),
        place,
    )


def _filled(template: str, name: str, document: Document, cluster: Cluster) -> str:
    known = {"Name": name, "Namespace": document.resource.metadata.namespace, "IngressDomain": cluster.ingress_domain}
    return _VARIABLE.sub(lambda match: known.get(match[1], "<no value>"), template)
