"""STORAGE_ALLOW_PATTERNS and STORAGE_IGNORE_PATTERNS: which files of a folder are wanted, as KServe reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch

from storage_init.errors import AddressInvalid


@dataclass(frozen=True, slots=True)
class Patterns:
    """A file is wanted if it fits any pattern of `allow`, where there are some, and none of `ignore`."""

    allow: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def want(self, name: str) -> bool:
        allowed = not self.allow or any(fnmatch(name, pattern) for pattern in self.allow)
        return allowed and not any(fnmatch(name, pattern) for pattern in self.ignore)


def read(environment: Mapping[str, str]) -> Patterns:
    return Patterns(_list("STORAGE_ALLOW_PATTERNS", environment), _list("STORAGE_IGNORE_PATTERNS", environment))


def _list(name: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """A JSON list of strings, or words with commas between them."""
    text = environment.get(name, "").strip()
    if not text.startswith("["):
        return tuple(word.strip() for word in text.split(",") if word.strip())
    try:
        words = json.loads(text)
    except ValueError as exc:
        raise AddressInvalid(f'{name} is no JSON list ({exc}); write ["*.onnx"] or *.onnx,*.json.') from exc
    if not all(isinstance(word, str) for word in words):
        raise AddressInvalid(f"{name} holds something that is no string; write patterns such as *.onnx.")
    return tuple(words)
