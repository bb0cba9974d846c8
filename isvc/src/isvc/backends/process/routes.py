"""The ingress' files: written when they change, and known to be loaded once the ingress itself says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from isvc.backends.folder import write_atomically
from isvc.backends.process.probes import until_answered

_LOADED = 503
"""What the host that marks a text is answered where the text is in force."""


class Routes:
    def __init__(self, folder: Path, changed: Callable[[], None]) -> None:
        """`changed` is called when the ingress has loaded one of the files in `folder`."""
        self._folder = folder
        self._changed = changed
        self._written: dict[str, tuple[str, str]] = {}
        self._loading: dict[str, asyncio.Task[None]] = {}

    def write(self, texts: Mapping[str, tuple[str, str]], ingress: str) -> None:
        """Have `texts`, name of a file -> its text and its mark, be all there is, for the ingress at `ingress`."""
        for name in self._written.keys() - texts.keys():
            self._stop_watching(name)
            (self._folder / name).unlink(missing_ok=True)
        for name, (text, mark) in texts.items():
            if self._written.get(name) != (text, mark):
                self._stop_watching(name)
                write_atomically(self._folder / name, text)
                self._loading[name] = asyncio.create_task(self._watch(ingress, mark))
        self._written = dict(texts)

    def loaded(self, name: str) -> bool:
        """Whether the ingress has the last text of the file `name`."""
        return name in self._loading and self._loading[name].done()

    async def _watch(self, ingress: str, mark: str) -> None:
        await until_answered(ingress, mark, _LOADED)
        self._changed()

    def _stop_watching(self, name: str) -> None:
        task = self._loading.pop(name, None)
        if task is not None:
            task.cancel()
