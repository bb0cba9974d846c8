"""Names of units, and who is meant by a predictor host."""

from __future__ import annotations

from isvc.manifest.documents import Metadata
from isvc.plan.units import Directory

DEFAULT_NAMESPACE = "default"


def unit_name(metadata: Metadata, part: str) -> str:
    """`<isvc>-predictor`, KServe's name of the service; outside the default namespace, with the namespace behind it."""
    name = f"{metadata.name}-{part}"
    return name if metadata.namespace == DEFAULT_NAMESPACE else f"{name}.{metadata.namespace}"


def predictor_part(name: str | None) -> str:
    """`predictor`, or `<name>-predictor` of a predictor that has a name of its own."""
    return f"{name}-predictor" if name else "predictor"


def models_of(part: str) -> Directory:
    """The folder with the models of the predictor `part`."""
    return Directory("models" if part == "predictor" else f"{part}-models")


def predictor_host(metadata: Metadata, name: str | None = None) -> str:
    """What KServe gives a transformer as `--predictor_host`."""
    return f"{metadata.name}-{predictor_part(name)}.{metadata.namespace}"


def is_predictor_host(text: str, metadata: Metadata, name: str | None = None) -> bool:
    """Is `text` a name, in any form a cluster knows, of the predictor of the same service?"""
    host = text.partition("://")[2] or text
    host = host.rstrip("/").removesuffix(":80").removesuffix(".cluster.local").removesuffix(".svc")
    return host in (predictor_host(metadata, name), f"{metadata.name}-{predictor_part(name)}")
