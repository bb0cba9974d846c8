"""What stands in Secrets is not shown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from isvc.explain.compare import Row
from isvc.explain.here import HIDDEN, Running
from isvc.manifest import Document, Secret
from isvc.plan.environment import Scope, contents

_FOUND_INSIDE = 6
"""Characters from which on a secret is looked for within other text; `1` may be one, and is everywhere."""


def values(documents: Sequence[Document]) -> tuple[str, ...]:
    """Every value in the Secrets of `documents`, the longest first."""
    found = {
        value
        for document in documents
        if isinstance(document.resource, Secret)
        for value in _texts(document, documents)
    }
    return tuple(sorted((value for value in found if value), key=len, reverse=True))


def _texts(document: Document, documents: Sequence[Document]) -> list[str]:
    """What is no text is only ever a file, and is not shown anywhere."""
    found = contents("Secret", document.resource.metadata.name, Scope(document, documents)) or {}
    return [value.decode(errors="ignore") for value in found.values()]


def hide(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if text == secret:
            return HIDDEN
        if len(secret) >= _FOUND_INSIDE:
            text = text.replace(secret, HIDDEN)
    return text


def hide_in_row(row: Row, secrets: Sequence[str]) -> Row:
    return replace(row, yaml=hide(row.yaml, secrets), kserve=hide(row.kserve, secrets), here=hide(row.here, secrets))


def hide_in_unit(running: Running, secrets: Sequence[str]) -> Running:
    return replace(
        running,
        argv=tuple(hide(word, secrets) for word in running.argv),
        variables=tuple((name, hide(value, secrets)) for name, value in running.variables),
    )
