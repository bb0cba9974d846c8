"""What is allowed into the store, in which form: names, namespaces, the schema, and the rules of KServe's webhooks.

The rules are the manifest's: `kubectl apply` refuses what `isvc up` refuses. Defaults are not written into the object;
the plan takes them, so an object stays as it was sent.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from isvc.errors import ManifestError
from isvc.manifest.documents import KINDS
from isvc.server import schema
from isvc.server.documents import document
from isvc.server.errors import BadRequest, Cause, Invalid
from isvc.server.resources import INFERENCE_SERVICES, NAMESPACES, SECRETS, Object, Resource

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_MODE = "serving.kserve.io/deploymentMode"
_MODES = {"RawDeployment": "Standard", "Serverless": "Knative"}
"""What KServe called them before."""


def admit(resource: Resource, body: Object, old: Object | None, validation: str) -> tuple[Object, list[str]]:
    """The object as it may be stored in the place of `old`, and warnings for the one who sends it.

    `validation` is Strict, Warn or Ignore: what becomes of fields that the kind does not have. Raises BadRequest, and
    Invalid with the path of what is wrong.
    """
    warnings = _without_strays(resource, body, validation)
    _check_metadata(resource, body)
    if resource == SECRETS:
        _check_secret(body)
    if resource == NAMESPACES:
        _complete_namespace(body, old)
    if (resource.api_version, resource.kind) in KINDS:
        warnings.extend(_check_rules(resource, body))
    if resource == INFERENCE_SERVICES and old is not None:
        _check_mode(body, old)
    return body, warnings


def check_status(resource: Resource, body: Object) -> None:
    """That a status has the shape which everyone relies on who reads it. Raises Invalid."""
    status = body.get("status") or {}
    conditions = status.get("conditions") or [] if isinstance(status, dict) else None
    if not isinstance(conditions, list):
        field = "status" if conditions is None else "status.conditions"
        raise Invalid.of(
            resource, body["metadata"]["name"], [Cause(field, "has another shape", "FieldValueTypeInvalid")]
        )
    for index, one in enumerate(conditions):
        if not isinstance(one, dict) or not all(isinstance(one.get(name), str) for name in ("type", "status")):
            cause = Cause(f"status.conditions[{index}]", "has to have a type and a status", "FieldValueRequired")
            raise Invalid.of(resource, body["metadata"]["name"], [cause])


def _without_strays(resource: Resource, body: Object, validation: str) -> list[str]:
    strays = schema.unknown_fields(resource, body)
    if not strays:
        return []
    told = [
        f'unknown field "{path}"' + (f' (did you mean "{similar}"?)' if similar else "") for path, similar in strays
    ]
    if validation == "Strict":
        raise BadRequest(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: strict decoding '
            f"error: {', '.join(told)}",
        )
    schema.prune(resource, body)
    return told if validation == "Warn" else []


def _check_metadata(resource: Resource, body: Object) -> None:
    given = body["metadata"]
    name = given.get("name", "")
    pattern, words = (_LABEL, "label") if resource == NAMESPACES else (_SUBDOMAIN, "subdomain")
    causes = []
    if not name:
        causes.append(Cause("metadata.name", "Required value: name or generateName is required", "FieldValueRequired"))
    elif len(name) > (63 if resource == NAMESPACES else 253) or not pattern.fullmatch(name):
        alphabet = "'-'" if words == "label" else "'-' or '.'"
        told = (
            f'Invalid value: "{name}": a lowercase RFC 1123 {words} must consist of lower case alphanumeric '
            f"characters, {alphabet}, and must start and end with an alphanumeric character"
        )
        causes.append(Cause("metadata.name", told))
    causes.extend(_text_causes(given))
    if causes:
        raise Invalid.of(resource, name, causes)


def _text_causes(given: Object) -> list[Cause]:
    causes = []
    for field in ("labels", "annotations"):
        values = given.get(field) or {}
        if not isinstance(values, dict):
            causes.append(Cause(f"metadata.{field}", "Invalid value: it has to be a map", "FieldValueTypeInvalid"))
            continue
        for key, value in values.items():
            if not isinstance(value, str):
                told = f"Invalid value: {value!r}: it has to be text; write it in quotes"
                causes.append(Cause(f"metadata.{field}.{key}", told, "FieldValueTypeInvalid"))
            elif field == "labels" and (len(value) > 63 or not _LABEL_VALUE.fullmatch(value)):
                told = f"Invalid value: \"{value}\": a valid label has at most 63 letters, digits, '-', '_' or '.'"
                causes.append(Cause(f"metadata.{field}.{key}", told))
    return causes


def _check_secret(body: Object) -> None:
    """Takes `stringData` in, as Kubernetes does; it is only ever written."""
    plain: Any = body.pop("stringData", None) or {}
    data: Any = body.get("data") or {}
    for key, value in data.items() if isinstance(data, Mapping) else ():
        try:
            base64.b64decode(value or "", validate=True)
        except (binascii.Error, ValueError, TypeError) as exc:
            raise BadRequest(
                f'Secret in version "v1" cannot be handled as a Secret: data.{key} is not base64; write plain text '
                "under stringData"
            ) from exc
    for key, value in plain.items() if isinstance(plain, Mapping) else ():
        if not isinstance(value, str):
            raise BadRequest(f"stringData.{key} has to be text; write it in quotes")
        data = {**data, key: base64.b64encode(value.encode()).decode()}
    if data:
        body["data"] = data
    body["type"] = body.get("type") or "Opaque"


def _complete_namespace(body: Object, old: Object | None) -> None:
    """Its phase, and the label by which it is selected, are the system's."""
    leaving = old is not None and "deletionTimestamp" in old["metadata"]
    body["status"] = {"phase": "Terminating" if leaving else "Active"}
    given = body["metadata"]
    given["labels"] = {**(given.get("labels") or {}), "kubernetes.io/metadata.name": given["name"]}


def _check_rules(resource: Resource, body: Object) -> list[str]:
    """The manifest's rules; what is accepted and without effect is told. Raises Invalid."""
    try:
        return [str(notice) for notice in document(resource, body).notices]
    except ManifestError as exc:
        path = exc.place.path if exc.place else ""
        missing = "is missing" in exc.message
        cause = Cause(path, exc.message, "FieldValueRequired" if missing else "FieldValueInvalid")
        raise Invalid.of(resource, body["metadata"].get("name", ""), [cause]) from exc


def _check_mode(body: Object, old: Object) -> None:
    """KServe: how a service is deployed stays as it began."""
    asked = (body["metadata"].get("annotations") or {}).get(_MODE)
    has = (old.get("status") or {}).get("deploymentMode")
    if asked and has and _MODES.get(asked, asked) != _MODES.get(has, has):
        told = f"update rejected: deploymentMode cannot be changed from '{has}' to '{asked}'; delete it and apply again"
        cause = Cause(f'metadata.annotations["{_MODE}"]', told)
        raise Invalid.of(INFERENCE_SERVICES, body["metadata"]["name"], [cause])
