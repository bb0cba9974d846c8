"""What is served, as kubectl asks before anything else: groups, versions and resources, one by one or all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from isvc.server.resources import RESOURCES, Resource

AGGREGATED = ("v2", "v2beta1")
"""The versions of apidiscovery.k8s.io in which all is told at once."""

_STATUS_VERBS = ("get", "patch", "update")


def version(kubernetes: str = "v1.32.0") -> Mapping[str, str]:
    """Kubernetes' version whose API this speaks, marked as not Kubernetes."""
    major, minor = kubernetes.removeprefix("v").split(".")[:2]
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"{kubernetes}+kserve-local",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }


def core_versions(address: str) -> Mapping[str, Any]:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list() -> Mapping[str, Any]:
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in _groups() if name]}


def group(name: str) -> Mapping[str, Any] | None:
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)} if name and name in _groups() else None


def resource_list(group: str, version: str) -> Mapping[str, Any] | None:
    found = [one for one in RESOURCES if (one.group, one.version) == (group, version)]
    if not found:
        return None
    entries = [entry for resource in found for entry in _entries(resource)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": found[0].api_version,
        "resources": entries,
    }


def aggregated(version: str, *, core: bool) -> Mapping[str, Any]:
    """All groups but Kubernetes' core, or that one, with all their resources."""
    names = [name for name in _groups() if bool(name) is not core]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": name, "creationTimestamp": None} if name else {"creationTimestamp": None},
                "versions": [
                    {"version": each, "resources": list(_discovered(name, each)), "freshness": "Current"}
                    for each in _groups()[name]
                ],
            }
            for name in names
        ],
    }


def _groups() -> dict[str, list[str]]:
    """Versions by group, the preferred one first."""
    found: dict[str, list[str]] = {}
    for resource in RESOURCES:
        versions = found.setdefault(resource.group, [])
        if resource.version not in versions:
            versions.append(resource.version)
    return {name: sorted(versions, reverse=True) for name, versions in found.items()}


def _group(name: str) -> dict[str, Any]:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in _groups()[name]]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _entries(resource: Resource) -> Iterator[dict[str, Any]]:
    yield {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
        **({"shortNames": list(resource.short_names)} if resource.short_names else {}),
        **({"categories": list(resource.categories)} if resource.categories else {}),
    }
    for name, verbs in _subresources(resource):
        yield {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(verbs),
        }


def _subresources(resource: Resource) -> Iterator[tuple[str, tuple[str, ...]]]:
    if resource.has_status:
        yield "status", _STATUS_VERBS
    if resource.kind == "Pod":
        yield "log", ("get",)


def _discovered(group: str, version: str) -> Iterator[dict[str, Any]]:
    for resource in RESOURCES:
        if (resource.group, resource.version) != (group, version):
            continue
        kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        yield {
            "resource": resource.plural,
            "responseKind": kind,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "singularResource": resource.singular,
            "verbs": list(resource.verbs),
            **({"shortNames": list(resource.short_names)} if resource.short_names else {}),
            **({"categories": list(resource.categories)} if resource.categories else {}),
            "subresources": [
                {"subresource": name, "responseKind": kind, "verbs": list(verbs)}
                for name, verbs in _subresources(resource)
            ],
        }
