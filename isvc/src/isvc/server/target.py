"""What a path and a query ask for. Pure: text -> values, or the error that Kubernetes would answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isvc.server import selectors
from isvc.server.errors import BadRequest, MethodNotAllowed, NotAcceptable, NotFound
from isvc.server.resources import NAMESPACES, Object, Resource, find
from isvc.server.selectors import Selector

_UNKNOWN = "the server could not find the requested resource"


_INSIDE = ("attach", "exec", "portforward", "proxy")


@dataclass(frozen=True, slots=True)
class Target:
    resource: Resource
    namespace: str | None
    """None is "of all"; of a kind without namespaces always so."""
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace or "", self.name


def parse(path: str) -> Target:
    """`/api/v1/...` or `/apis/GROUP/VERSION/...`. Raises NotFound."""
    match [step for step in path.split("/") if step]:
        case ["api", "v1", *rest]:
            return _resource("", "v1", rest)
        case ["apis", group, version, *rest]:
            return _resource(group, version, rest)
    raise NotFound(_UNKNOWN)


def _resource(group: str, version: str, rest: Sequence[str]) -> Target:
    match rest:
        case ["namespaces", namespace, plural, *more] if plural not in ("status", "finalize"):
            return _named(_found(group, version, plural), namespace, more)
        case [plural, *more]:
            resource = _found(group, version, plural)
            if resource.namespaced and more:
                raise NotFound(_UNKNOWN)
            return _named(resource, None, more)
    raise NotFound(_UNKNOWN)


def _found(group: str, version: str, plural: str) -> Resource:
    resource = find(group, version, plural)
    if resource is None:
        raise NotFound(_UNKNOWN)
    return resource


def _named(resource: Resource, namespace: str | None, more: Sequence[str]) -> Target:
    if (namespace is None) is resource.namespaced and more:
        raise NotFound(_UNKNOWN)
    match more:
        case []:
            return Target(resource, namespace)
        case [name]:
            return Target(resource, namespace, name)
        case [name, subresource] if _has(resource, subresource):
            return Target(resource, namespace, name, subresource)
        case [_, *below] if resource.kind == "Pod" and below[0] in _INSIDE:
            raise MethodNotAllowed(f"{below[0]} is not possible here: a pod is what is shown of a unit")
    raise NotFound(_UNKNOWN)


def _has(resource: Resource, subresource: str) -> bool:
    if subresource == "finalize":
        return resource == NAMESPACES
    return (subresource == "status" and resource.has_status) or (subresource == "log" and resource.kind == "Pod")


@dataclass(frozen=True, slots=True)
class Writing:
    """The options of a request that changes something."""

    manager: str
    dry_run: bool
    validation: str
    force: bool


def writing(query: Mapping[str, str], agent: str) -> Writing:
    """`agent` is the caller's User-Agent, whose first word is a manager's name if none is given. Raises BadRequest."""
    dry_run = query.get("dryRun", "")
    if dry_run not in ("", "All"):
        raise BadRequest(f'Invalid value: "{dry_run}": dryRun: supported values: "All"')
    validation = query.get("fieldValidation") or "Warn"
    if validation not in ("Strict", "Warn", "Ignore"):
        raise BadRequest(
            f'fieldValidation: Unsupported value: "{validation}": supported values: "Ignore", "Strict", "Warn"'
        )
    manager = query.get("fieldManager") or agent.partition("/")[0] or "unknown"
    return Writing(manager[:128], dry_run == "All", validation, query.get("force", "") in ("true", "1"))


@dataclass(frozen=True, slots=True)
class Reading:
    """The options of a list or a watch."""

    selector: Selector
    watch: bool
    version: int | None
    """None is "whatever there is", which 0 means too."""
    bookmarks: bool
    initial_events: bool
    seconds: float | None


def reading(resource: Resource, query: Mapping[str, str]) -> Reading:
    """Raises BadRequest."""
    version = query.get("resourceVersion", "")
    seconds = query.get("timeoutSeconds", "")
    if version and not version.isdigit():
        raise BadRequest(f'resourceVersion: Invalid value: "{version}": it is a number that this server gave')
    if seconds and not seconds.isdigit():
        raise BadRequest(f'timeoutSeconds: Invalid value: "{seconds}": write whole seconds')
    return Reading(
        selector=selectors.parse(resource, query.get("labelSelector", ""), query.get("fieldSelector", "")),
        watch=query.get("watch", "") in ("true", "1"),
        version=int(version) or None if version else None,
        bookmarks=query.get("allowWatchBookmarks", "") in ("true", "1"),
        initial_events=query.get("sendInitialEvents", "") in ("true", "1"),
        seconds=float(seconds) if seconds and int(seconds) else None,
    )


@dataclass(frozen=True, slots=True)
class Form:
    """In which form objects are wanted: as they are, as a Table, or their metadata alone."""

    kind: str = ""
    version: str = ""
    include: str = "Metadata"

    @property
    def is_table(self) -> bool:
        return self.kind == "Table"

    @property
    def is_partial(self) -> bool:
        return self.kind.startswith("PartialObjectMetadata")


_FORMS = (("Table", "v1"), ("PartialObjectMetadata", "v1"), ("PartialObjectMetadataList", "v1"))


def form(accept: str, query: Mapping[str, str]) -> Form:
    """The first form in an Accept header that can be had. Raises NotAcceptable."""
    for media, parameters in _media(accept or "*/*"):
        if media not in ("application/json", "application/*", "*/*", "application/yaml"):
            continue
        wanted = (parameters.get("as", ""), parameters.get("v", ""))
        if not wanted[0]:
            return Form()
        if wanted in _FORMS and parameters.get("g") == "meta.k8s.io":
            return Form(*wanted, query.get("includeObject") or "Metadata")
    raise NotAcceptable("only application/json can be had here, as an object or as a Table of meta.k8s.io/v1")


def discovery_version(accept: str, versions: Sequence[str]) -> str:
    """The version of aggregated discovery that is asked for, or "" for the plain form."""
    for _, parameters in _media(accept):
        if parameters.get("as") == "APIGroupDiscoveryList" and parameters.get("v") in versions:
            return parameters["v"]
    return ""


def _media(accept: str) -> list[tuple[str, Mapping[str, str]]]:
    found: list[tuple[str, Mapping[str, str]]] = []
    for part in accept.split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        pairs = (parameter.partition("=") for parameter in parameters)
        found.append((media, {key.strip(): value.strip() for key, _, value in pairs}))
    return found


def check_address(target: Target, body: Object) -> None:
    """That a body is what its address names; what it leaves out of that is filled in. Raises BadRequest."""
    resource = target.resource
    for field, expected in (("apiVersion", resource.api_version), ("kind", resource.kind)):
        if body.get(field) != expected:
            told = (
                f'{field} is "{body.get(field, "")}", and this is the address of {resource.api_version} {resource.kind}'
            )
            raise BadRequest(f"the object provided is unrecognized or of another kind: {told}")
    given = _checked_metadata(body)
    for field, value in (("namespace", target.namespace), ("name", target.name)):
        if not value:
            continue
        if given.get(field) not in (None, "", value):
            raise BadRequest(
                f"the {field} of the provided object does not match the {field} sent on the request "
                f'("{given[field]}", "{value}")'
            )
        given[field] = value


_SHAPES: Sequence[tuple[str, type, type | None, str]] = (
    ("name", str, None, "text"),
    ("generateName", str, None, "text"),
    ("namespace", str, None, "text"),
    ("uid", str, None, "text"),
    ("resourceVersion", str, None, "text"),
    ("labels", dict, None, "a map"),
    ("annotations", dict, None, "a map"),
    ("finalizers", list, str, "a list of text"),
    ("ownerReferences", list, dict, "a list of maps"),
    ("managedFields", list, dict, "a list of maps"),
)


def _checked_metadata(body: Object) -> Object:
    """An object's metadata, in which every field is of its kind. Raises BadRequest."""
    given = body.setdefault("metadata", {})
    if not isinstance(given, dict):
        raise BadRequest("metadata has to be a map")
    for field, kind, inner, words in _SHAPES:
        value: Any = given.get(field)
        items: list[Any] = value if isinstance(value, list) else []
        fits = isinstance(value, kind) and (inner is None or all(isinstance(item, inner) for item in items))
        if value is not None and not fits:
            raise BadRequest(f"metadata.{field} has to be {words}")
    return given
