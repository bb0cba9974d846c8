"""What Secrets say, taken out of a text that is going to be shown. Pure.

A variable that comes from a Secret is known by its name (`kserve.Item.secret`); here is what has got elsewhere: an
argument that names the variable, the credentials of an initializer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from isvc.explain.compare import HIDDEN
from isvc.manifest import Document, Secret
from isvc.plan.environment import Scope, contents

_TELLING = re.compile("key|secret|token|password|credential", re.IGNORECASE)
_SHORTEST = 4
"""Shorter values are found in too many words that are no secrets."""


def secrets(documents: Sequence[Document]) -> tuple[str, ...]:
    """Every value of every Secret, and the texts in those that are JSON; the longest first."""
    found: set[str] = set()
    for document in documents:
        if isinstance(document.resource, Secret):
            values = contents("Secret", document.resource.metadata.name, Scope(document, documents)) or {}
            for value in values.values():
                found |= set(_texts(value.decode(errors="replace")))
    return tuple(sorted((text for text in found if len(text) >= _SHORTEST), key=len, reverse=True))


def hidden(value: Any, secrets: Sequence[str]) -> Any:
    """`value`, a text or what JSON knows, without `secrets` in its texts; the keys of mappings stay."""
    if isinstance(value, dict):
        return {key: hidden(child, secrets) for key, child in value.items()}
    if isinstance(value, list):
        return [hidden(child, secrets) for child in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
    return value


def _texts(value: str) -> Iterator[str]:
    yield value
    yield value.strip()
    try:
        yield from _telling(json.loads(value), "")
    except ValueError:
        return


def _telling(value: Any, key: str) -> Iterator[str]:
    """Of an entry of `storage-config` and the like: what its key calls a secret, not its region and its bucket."""
    if isinstance(value, str) and _TELLING.search(key):
        yield value
    for name, child in value.items() if isinstance(value, dict) else ():
        yield from _telling(child, str(name))
