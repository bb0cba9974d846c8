"""Server-side apply: a manager says what it wants, and owns the fields that it names. Pure.

What it named before and names no longer goes, unless another manager owns it too. A field that another manager owns
with another value is a conflict, unless the apply is forced. Lists are owned whole (see `fields`).
"""

from __future__ import annotations

import copy
from typing import Any

from isvc.server import fields, metadata
from isvc.server.errors import Cause, Conflict
from isvc.server.patch import merge
from isvc.server.resources import Object, Resource


def applied(
    resource: Resource, old: Object | None, wanted: Object, manager: str, subresource: str, now: float, *, force: bool
) -> Object:
    """The object as `wanted` makes it of `old`, its managedFields included. Raises Conflict."""
    wanted = copy.deepcopy(wanted)
    wanted["metadata"].pop("managedFields", None)
    time, owned = metadata.timestamp(now), fields.of(wanted)
    base: Object = old or {**wanted, "metadata": dict(wanted["metadata"])}
    entries = base["metadata"].get("managedFields", [])
    mine = [entry for entry in entries if _is_mine(entry, manager, subresource)]
    others = [entry for entry in entries if entry not in mine]
    new = merge(base, _without_null(wanted))
    if old is not None:
        taken = fields.both(fields.minus_unowned(fields.changed(old, new)), owned)
        others = _taken(resource, new, others, taken, force=force)
    for entry in mine:
        _drop(new, _lost(entry["fieldsV1"], owned, others))
    present = fields.of(new)
    kept = [{**entry, "fieldsV1": fields.both(entry["fieldsV1"], present)} for entry in others]
    unchanged = [entry for entry in mine if entry["fieldsV1"] == owned]
    since = unchanged[0]["time"] if unchanged else time
    kept.append(fields.entry_of(new, manager, "Apply", subresource, since, owned))
    return fields.with_entries(new, kept)


def _is_mine(entry: Object, manager: str, subresource: str) -> bool:
    key = (entry["manager"], entry["operation"], entry.get("subresource", ""))
    return key == (manager, "Apply", subresource)


def _taken(resource: Resource, new: Object, others: list[Object], taken: fields.Fields, *, force: bool) -> list[Object]:
    """The other managers without what is taken from them. Raises Conflict if nothing may be."""
    conflicts = [
        Cause(path, f'conflict with "{entry["manager"]}" using {entry["apiVersion"]}', "FieldManagerConflict")
        for entry in others
        for path in fields.paths(fields.both(taken, entry["fieldsV1"]))
    ]
    if conflicts and not force:
        several = f"{len(conflicts)} conflicts" if len(conflicts) > 1 else "1 conflict"
        told = "\n".join(f"- {cause.field}: {cause.message}" for cause in conflicts)
        name = new["metadata"]["name"]
        raise Conflict(f"Apply failed with {several}: {told}", resource, name, conflicts)
    return [{**entry, "fieldsV1": fields.minus(entry["fieldsV1"], taken)} for entry in others]


def _lost(before: fields.Fields, owned: fields.Fields, others: list[Object]) -> fields.Fields:
    """What this manager gives up, and nobody else holds."""
    lost = fields.minus(before, owned)
    for entry in others:
        lost = fields.minus(lost, entry["fieldsV1"])
    return lost


def _drop(body: Any, lost: fields.Fields) -> None:
    """Take the leaves of `lost` out of `body`, and the maps which that empties."""
    for name, inner in lost.items():
        key = name.removeprefix("f:")
        if not isinstance(body, dict) or key not in body:
            continue
        if inner:
            _drop(body[key], inner)
        if not inner or body[key] == {}:
            del body[key]


def _without_null(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: _without_null(inner) for name, inner in value.items() if inner is not None}
