"""What the API serves: which kinds, what they are called, which of them are stored and which only show what runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Object = dict[str, Any]
"""An object as its JSON has it: `apiVersion`, `kind`, `metadata`, `spec`, ..."""

STORED_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
VIEW_VERBS = ("get", "list", "watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    group: str = ""
    """Empty for Kubernetes' core."""
    version: str
    plural: str
    singular: str
    kind: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    stored: bool = True
    """False for a view: read-only, shown by whoever knows what runs."""
    has_status: bool = False
    """Whether `status` is written by itself, at `.../NAME/status`, and by nobody else."""
    has_generation: bool = False
    """Whether `metadata.generation` counts the changes of what is wanted."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """`inferenceservices.serving.kserve.io`; of Kubernetes' core just the plural."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def verbs(self) -> tuple[str, ...]:
        return STORED_VERBS if self.stored else VIEW_VERBS


_KSERVE = "serving.kserve.io"

INFERENCE_SERVICES = Resource(
    group=_KSERVE,
    version="v1beta1",
    plural="inferenceservices",
    singular="inferenceservice",
    kind="InferenceService",
    short_names=("isvc",),
    categories=("all",),
    has_status=True,
    has_generation=True,
)
SERVING_RUNTIMES = Resource(
    group=_KSERVE,
    version="v1alpha1",
    plural="servingruntimes",
    singular="servingruntime",
    kind="ServingRuntime",
    has_status=True,
    has_generation=True,
)
CLUSTER_SERVING_RUNTIMES = Resource(
    group=_KSERVE,
    version="v1alpha1",
    plural="clusterservingruntimes",
    singular="clusterservingruntime",
    kind="ClusterServingRuntime",
    namespaced=False,
    has_status=True,
    has_generation=True,
)
NAMESPACES = Resource(
    version="v1", plural="namespaces", singular="namespace", kind="Namespace", short_names=("ns",), namespaced=False
)
SECRETS = Resource(version="v1", plural="secrets", singular="secret", kind="Secret")
CONFIG_MAPS = Resource(version="v1", plural="configmaps", singular="configmap", kind="ConfigMap", short_names=("cm",))
SERVICE_ACCOUNTS = Resource(
    version="v1", plural="serviceaccounts", singular="serviceaccount", kind="ServiceAccount", short_names=("sa",)
)
EVENTS = Resource(version="v1", plural="events", singular="event", kind="Event", short_names=("ev",))
PODS = Resource(
    version="v1",
    plural="pods",
    singular="pod",
    kind="Pod",
    short_names=("po",),
    categories=("all",),
    stored=False,
)
SERVICES = Resource(
    version="v1",
    plural="services",
    singular="service",
    kind="Service",
    short_names=("svc",),
    categories=("all",),
    stored=False,
)
DEPLOYMENTS = Resource(
    group="apps",
    version="v1",
    plural="deployments",
    singular="deployment",
    kind="Deployment",
    short_names=("deploy",),
    categories=("all",),
    stored=False,
)

RESOURCES: tuple[Resource, ...] = (
    CONFIG_MAPS,
    EVENTS,
    NAMESPACES,
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    DEPLOYMENTS,
    INFERENCE_SERVICES,
    CLUSTER_SERVING_RUNTIMES,
    SERVING_RUNTIMES,
)


def find(group: str, version: str, plural: str) -> Resource | None:
    """The resource at this place of the API, if there is one."""
    wanted = (group, version, plural)
    return next((one for one in RESOURCES if (one.group, one.version, one.plural) == wanted), None)


class Views(Protocol):
    """Shows what runs, as objects of the kinds that are not stored. Asked anew for each request."""

    async def list(self, resource: Resource, namespace: str | None) -> Sequence[Object]:
        """All objects of one kind, of one namespace or (None) of all, each with name, namespace, uid and times."""
        ...

    def logs(
        self,
        namespace: str,
        pod: str,
        container: str | None,
        *,
        follow: bool,
        tail: int | None,
        since: float | None,
        timestamps: bool,
    ) -> AsyncIterator[bytes]:
        """Lines of a container's log, each with its newline. `since` is in seconds since the epoch.

        A `container` of None is the only one, or the one that serves. Raises NotFound for an unknown pod, BadRequest
        for an unknown container, before the first line.
        """
        ...
