"""`hf://owner/model[:revision][/folder]`: a repository of the Hugging Face hub, by its HTTP API.

HF_TOKEN is the credential, HF_ENDPOINT leads to a mirror. A revision is a branch, a tag or a commit, `main` if none is
given; it is looked up first, so that all files are of one commit. Large files have a SHA-256, small ones Git's SHA-1:
both are compared.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from storage_init.address import Address
from storage_init.errors import AddressInvalid, FetchFailed
from storage_init.meter import Meter
from storage_init.objects.depot import Depot
from storage_init.objects.item import Chunk, Digest, Item
from storage_init.schemes import shelf
from storage_init.schemes.scheme import Outcome, Scheme
from storage_init.schemes.web import Web, client
from storage_init.settings import Settings

_ADDRESS = re.compile(r"hf://([\w.-]+/[\w.-]+)(?::([^/]+))?(?:/(.*))?", re.IGNORECASE)
_HUB = "https://huggingface.co"
_MEND = "Set HF_TOKEN to a token that may read the repository; a gated one has to be asked for on the hub first."
_NO_PAGES = 1000


def open(settings: Settings) -> Scheme:
    return Hub(settings)


class Hub:
    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._transport = transport

    async def fetch(self, address: Address, into: Path, known: str, meter: Meter, depot: Depot) -> Outcome:
        settings = self._settings
        endpoint = settings.environment.get("HF_ENDPOINT", _HUB).rstrip("/")
        host = urlsplit(endpoint).hostname or ""
        async with client(settings, _token(settings.environment), self._transport, host) as asked:
            repository = _repository(address, endpoint, Web(asked, settings, address.shown, _MEND))
            return await shelf.fetch(repository, address, into, known, meter, depot, settings)


@dataclass(frozen=True, slots=True)
class Repository:
    """`Shelf` for a repository at one revision. An item's key holds the commit."""

    web: Web
    endpoint: str
    name: str
    revision: str
    folder: str

    @property
    def identity(self) -> str:
        return f"hf {self.endpoint} {self.name}"

    async def items(self) -> Sequence[Item]:
        revision = quote(self.revision, safe="")
        about = await self._json(f"{self.endpoint}/api/models/{self.name}/revision/{revision}")
        commit = str(about[0]["sha"])
        listed = await self._json(f"{self.endpoint}/api/models/{self.name}/tree/{commit}?recursive=true")
        files = [entry for entry in listed if entry.get("type") == "file" and self._is_below(entry["path"])]
        return [self._item(entry, commit) for entry in files]

    @asynccontextmanager
    async def read(self, item: Item, start: int, stop: int | None) -> AsyncIterator[AsyncIterator[Chunk]]:
        commit, _, path = item.key.partition("/")
        url = f"{self.endpoint}/{self.name}/resolve/{commit}/{quote(path)}"
        async with self.web.range(url, item, start, stop) as chunks:
            yield chunks

    def _is_below(self, path: str) -> bool:
        return not self.folder or path == self.folder or path.startswith(f"{self.folder}/")

    def _item(self, entry: Mapping[str, Any], commit: str) -> Item:
        large = entry.get("lfs") or {}
        digest = Digest("sha256", large["oid"]) if large.get("oid") else Digest("git-sha1", entry["oid"])
        path = entry["path"]
        alone = path == self.folder
        return Item(
            name=path.rpartition("/")[2] if alone else path[len(self.folder) :].lstrip("/"),
            key=f"{commit}/{path}",
            size=int(large.get("size", entry["size"])),
            version=digest.value,
            digest=digest,
            named=alone,
        )

    async def _json(self, url: str) -> list[Any]:
        """The answer, and those on the pages that follow it (`Link: <...>; rel="next"`)."""
        found: list[Any] = []
        for _ in range(_NO_PAGES):
            answer = await self.web.text(url, {})
            try:
                page = answer.json()
            except ValueError as exc:
                raise FetchFailed(f"'{self.web.shown}': {self.endpoint} does not speak the hub's API.") from exc
            found += page if isinstance(page, list) else [page]
            url = answer.links.get("next", {}).get("url", "")
            if not url:
                return found
        raise FetchFailed(f"'{self.web.shown}' has more than {_NO_PAGES} pages of files; name a folder of it.")


def _repository(address: Address, endpoint: str, web: Web) -> Repository:
    parts = _ADDRESS.fullmatch(address.text)
    if parts is None:
        raise AddressInvalid(
            f"'{address.shown}' names no repository; write hf://owner/model or hf://owner/model:revision."
        )
    return Repository(web, endpoint, parts[1], parts[2] or "main", (parts[3] or "").strip("/"))


def _token(environment: Mapping[str, str]) -> dict[str, str]:
    token = environment.get("HF_TOKEN") or environment.get("HUGGING_FACE_HUB_TOKEN", "")
    return {"authorization": f"Bearer {token}"} if token else {}
