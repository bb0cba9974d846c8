"""What `docker compose` writes while it works, read for people: which step runs, and why something failed. Pure."""

from __future__ import annotations

import re
from collections import deque

_STEP = re.compile(r"#(\d+) \[(.+)")
_OUTPUT = re.compile(r"#(\d+) (?:\d+\.\d+ |sha256:)")
_ERROR_BLOCK = "------"
_KEPT = 60
_LONGEST = 100
_REGISTRY = (
    "failed to resolve",
    "failed to do request",
    "lookup ",
    "i/o timeout",
    "connection refused",
    "no such host",
)
AIR_GAPPED = "no registry in reach? `make base-image` builds what is needed (docs/air-gapped.md)"


class BuildNews:
    """Reads BuildKit's plain progress, and says each step once it turns out not to be cached."""

    def __init__(self) -> None:
        self._titles: dict[str, str] = {}
        self._told: set[str] = set()
        self._last: deque[str] = deque(maxlen=_KEPT)

    def read(self, line: str) -> str | None:
        self._last.append(line)
        if step := _STEP.match(line):
            self._titles[step[1]] = f"[{step[2]}"
        output = _OUTPUT.match(line)
        if output is None or output[1] not in self._titles or output[1] in self._told:
            return None
        self._told.add(output[1])
        title = self._titles[output[1]]
        return None if "internal] " in title else title[:_LONGEST]

    def failure(self) -> str:
        """Why the build failed: the failing step's lines, which BuildKit repeats at the end."""
        lines = list(self._last)
        start = lines.index(_ERROR_BLOCK) if _ERROR_BLOCK in lines else max(0, len(lines) - 20)
        kept = [line for line in lines[start:] if line.strip() and line != _ERROR_BLOCK]
        said = "\n  ".join(("the build of an image failed:", *kept))
        return f"{said}\n  {AIR_GAPPED}" if _without_registry(said) else said


def reason(output: str) -> str:
    """The last thing that `docker compose` complained of, with the mend where it is known."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = lines[-1] if lines else "it failed and said nothing"
    return f"{said}\n  {AIR_GAPPED}" if _without_registry(said) else said


def _without_registry(text: str) -> bool:
    return any(sign in text for sign in _REGISTRY)
