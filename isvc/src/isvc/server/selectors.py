"""`labelSelector` and `fieldSelector`: text -> a question that an object answers. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from isvc.server.errors import BadRequest
from isvc.server.resources import Object, Resource

Question = Callable[[Object], bool]

_SET = re.compile(r"^(?P<key>[^\s!=,()]+)\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\)$")
_COMPARISON = re.compile(r"^(?P<key>[^\s!=,()]+)\s*(?P<word>==|=|!=)\s*(?P<value>[^\s!=,()]*)$")
_PRESENCE = re.compile(r"^(?P<absent>!)?\s*(?P<key>[^\s!=,()]+)$")
_FIELD = re.compile(r"^(?P<path>[^=!]+?)(?P<word>==|=|!=)(?P<value>.*)$")

_FIELDS_OF_ALL = ("metadata.name", "metadata.namespace")
_FIELDS = {
    "Event": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "Secret": ("type",),
    "Namespace": ("status.phase",),
    "Pod": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
}


@dataclass(frozen=True, slots=True)
class Selector:
    """Both selectors of a request."""

    labels: tuple[Question, ...] = ()
    fields: tuple[Question, ...] = ()

    def matches(self, body: Object) -> bool:
        return all(question(body) for question in (*self.labels, *self.fields))


def parse(resource: Resource, labels: str, fields: str) -> Selector:
    """Raises BadRequest for text that is no selector, and for a field that cannot be asked for."""
    return Selector(
        tuple(_label_question(part) for part in _parts(labels)),
        tuple(_field_question(resource, part) for part in _parts(fields)),
    )


def _parts(text: str) -> list[str]:
    """Between the commas that do not stand in parentheses."""
    return [part.strip() for part in re.split(r",(?![^()]*\))", text) if part.strip()]


def _label_question(part: str) -> Question:
    if found := _SET.match(part):
        values = {value.strip() for value in found["values"].split(",")}
        return _label(found["key"], lambda has: has in values, negated=found["word"] == "notin")
    if found := _COMPARISON.match(part):
        value = found["value"]
        return _label(found["key"], lambda has: has == value, negated=found["word"] == "!=")
    if found := _PRESENCE.match(part):
        return _label(found["key"], lambda has: has is not None, negated=bool(found["absent"]))
    raise BadRequest(f'unable to parse requirement: "{part}" is no label selector; write key=value')


def _label(key: str, holds: Callable[[str | None], bool], *, negated: bool) -> Question:
    def question(body: Object) -> bool:
        return holds((body["metadata"].get("labels") or {}).get(key)) is not negated

    return question


def _field_question(resource: Resource, part: str) -> Question:
    found = _FIELD.match(part)
    if found is None:
        raise BadRequest(f'invalid selector: "{part}"; write metadata.name=NAME')
    path, value, negated = found["path"].strip(), found["value"].strip(), found["word"] == "!="
    known = (*_FIELDS_OF_ALL, *_FIELDS.get(resource.kind, ()))
    if path not in known:
        raise BadRequest(f"field label not supported: {path}; known of {resource.kind}: {', '.join(known)}")
    return lambda body: (_at(body, path) == value) is not negated


def _at(body: Object, path: str) -> str:
    found: object = body
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    if path == "source" and isinstance(found, dict):
        found = found.get("component")
    return "" if found is None else str(found)
