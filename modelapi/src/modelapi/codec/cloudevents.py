"""CloudEvents 1.0 over HTTP on V1: the event around a payload, in binary mode (`ce-*` headers) or structured (JSON).

An event that lacks a required attribute is no event: its body is an ordinary payload, as in KServe.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from modelapi.codec import v1

STRUCTURED_TYPE = "application/cloudevents+json"
_REQUIRED = ("specversion", "source", "id", "type")
_PREFIX = "ce-"


@dataclass(frozen=True)
class Event:
    """What is kept of a request's event for its answer."""

    attributes: Mapping[str, str]
    structured: bool


@dataclass(frozen=True)
class Settings:
    """KServe's `CE_TYPE`, `CE_SOURCE` and `CE_MERGE`: what an answer's event says."""

    type: str = "io.kserve.inference.response"
    source: str | None = None
    merge: bool = False


def settings(environ: Mapping[str, str]) -> Settings:
    """The settings of an environment."""
    return Settings(
        type=environ.get("CE_TYPE", Settings.type),
        source=environ.get("CE_SOURCE"),
        merge=environ.get("CE_MERGE", "false").strip().lower() in ("true", "1"),
    )


def from_headers(headers: Mapping[str, str]) -> Event | None:
    """The event of a binary-mode request; its body is the payload."""
    if f"{_PREFIX}specversion" not in headers:
        return None
    attributes = {name[len(_PREFIX) :]: value for name, value in headers.items() if name.startswith(_PREFIX)}
    return Event(attributes, structured=False) if all(name in attributes for name in _REQUIRED) else None


def from_body(payload: Any, media_type: str) -> tuple[Event | None, Any]:
    """The event of a structured-mode body, and the payload that it wraps. The answer is an event only if the request's
    content type says that it is one.
    """
    if not isinstance(payload, dict) or "data" not in payload or any(name not in payload for name in _REQUIRED):
        return None, payload
    if media_type != STRUCTURED_TYPE and "time" not in payload:
        return None, payload
    attributes = {name: str(value) for name, value in payload.items() if name not in ("data", "data_base64")}
    return (Event(attributes, structured=True) if media_type == STRUCTURED_TYPE else None), payload["data"]


def answer(result: Any, request: Event, model_name: str, settings: Settings) -> tuple[bytes, dict[str, str]]:
    """An answer's body and headers, as an event in the mode of its request."""
    attributes = {
        **(request.attributes if settings.merge else {}),
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": settings.source or f"io.kserve.inference.{model_name}",
        "type": settings.type,
        "time": datetime.now(UTC).isoformat(),
    }
    if not request.structured:
        headers = {f"{_PREFIX}{name}": value for name, value in attributes.items()}
        return v1.encode(result), {**headers, "content-type": "application/json"}
    return v1.encode({**attributes, "data": result}), {"content-type": STRUCTURED_TYPE}
