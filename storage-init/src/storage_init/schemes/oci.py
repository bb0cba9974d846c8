"""`oci://registry/name[:tag|@digest]`: the model in an image (`/models`, as KServe's modelcars have it) or an artifact.

What is fetched: of an image, its layers, from which what is below `/models` is unpacked; of an artifact whose layers
have titles (as ORAS makes them), each layer as the file of its title. Layers are known by their SHA-256, and compared
with it. Credentials are those of `docker login`: DOCKER_CONFIG or ~/.docker/config.json.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from storage_init.address import Address
from storage_init.archive import layers
from storage_init.errors import AddressInvalid, FetchFailed, SourceNotFound
from storage_init.meter import Meter
from storage_init.objects.depot import Depot
from storage_init.objects.item import Chunk, Digest, Item
from storage_init.retry import persist
from storage_init.schemes import shelf
from storage_init.schemes.scheme import Fetched, Outcome, Scheme, Unchanged
from storage_init.schemes.web import Web, client
from storage_init.settings import Settings
from storage_init.threads import in_thread

_ADDRESS = re.compile(
    r"oci(?:\+native|\+fetch)?://([^/]+)/([a-z0-9._/-]+?)(?::(\w[\w.-]*))?(?:@(sha256:[0-9a-f]{64}))?", re.IGNORECASE
)
_INDEX = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFEST = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_TITLE = "org.opencontainers.image.title"
_MEND = "Log in to the registry with `docker login`, or set DOCKER_CONFIG to a folder whose config.json may read it."
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_PLAIN = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")


def open(settings: Settings) -> Scheme:
    return Oci(settings)


class Oci:
    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._transport = transport

    async def fetch(self, address: Address, into: Path, known: str, meter: Meter, depot: Depot) -> Outcome:
        settings = self._settings
        async with client(settings, {}, self._transport) as asked:
            image = _image(address, Web(asked, settings, address.shown, _MEND), settings.environment)
            listed = await persist(settings.backoff, image.layers)
            if image.is_artifact:
                return await shelf.fetch(image, address, into, known, meter, depot, settings)
            state = image.digest
            if state == known:
                return Unchanged()
            packed = into.parent / "layers"
            packed.mkdir()
            await shelf.collect(image, listed, address, packed, meter, depot, settings)
            files = [packed / item.name for item in listed]
            await in_thread(meter, lambda: layers.unpack(files, into, address.shown, settings.limits, meter))
            return Fetched(state)


@dataclass(slots=True)
class Image:
    """`Shelf` for the layers of an image or artifact."""

    web: Web
    registry: str
    name: str
    reference: str
    environment: Mapping[str, str]
    digest: str = ""
    is_artifact: bool = False
    _headers: dict[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        return f"oci {self.registry} {self.name}"

    async def layers(self) -> list[Item]:
        manifest = await self._manifest(self.reference)
        if "manifests" in manifest:
            manifest = await self._manifest(_of_this_platform(manifest["manifests"], self.web.shown))
        described = manifest.get("layers", [])
        titles = [layer.get("annotations", {}).get(_TITLE, "") for layer in described]
        self.is_artifact = bool(titles) and all(titles)
        return [
            Item(
                name=title if self.is_artifact else f"{number:04}.tar",
                key=layer["digest"],
                size=int(layer["size"]),
                version=layer["digest"],
                digest=Digest("sha256", layer["digest"].partition(":")[2]),
            )
            for number, (layer, title) in enumerate(zip(described, titles, strict=True))
        ]

    async def items(self) -> Sequence[Item]:
        return await self.layers()

    @asynccontextmanager
    async def read(self, item: Item, start: int, stop: int | None) -> AsyncIterator[AsyncIterator[Chunk]]:
        url = f"{self._base}/blobs/{item.key}"
        async with self.web.range(url, item, start, stop, self._headers) as chunks:
            yield chunks

    @property
    def _base(self) -> str:
        scheme = "http" if _PLAIN.fullmatch(self.registry) else "https"
        registry = "registry-1.docker.io" if self.registry in ("docker.io", "index.docker.io") else self.registry
        return f"{scheme}://{registry}/v2/{self.name}"

    async def _manifest(self, reference: str) -> dict[str, Any]:
        url = f"{self._base}/manifests/{reference}"
        accept = {"accept": ", ".join((*_MANIFEST, *_INDEX))}
        async with self.web.get(url, {**accept, **self._headers}) as answer:
            challenge = answer.headers.get("www-authenticate", "") if answer.status_code == 401 else ""
        if challenge and not self._headers:
            self._headers.update(await self._authorization(challenge))
        answer = await self.web.text(url, {**accept, **self._headers})
        self.digest = answer.headers.get("docker-content-digest") or f"etag:{answer.headers.get('etag', '')}"
        try:
            manifest = answer.json()
        except ValueError as exc:
            raise FetchFailed(f"'{self.web.shown}': {self.registry} does not speak the registry's API.") from exc
        return dict(manifest)

    async def _authorization(self, challenge: str) -> dict[str, str]:
        """What the registry's challenge (RFC 6750; the distribution specification's token flow) asks for."""
        basic = _login(self.registry, self.environment)
        if not challenge.lower().startswith("bearer"):
            return basic
        asked = dict(_CHALLENGE.findall(challenge))
        query = {key: asked[key] for key in ("service", "scope") if key in asked}
        answer = await self.web.text(str(httpx.URL(asked.get("realm", ""), params=query)), basic)
        token = answer.json().get("token") or answer.json().get("access_token", "")
        return {"authorization": f"Bearer {token}"}


def _image(address: Address, web: Web, environment: Mapping[str, str]) -> Image:
    parts = _ADDRESS.fullmatch(address.text)
    if parts is None:
        raise AddressInvalid(f"'{address.shown}' names no image; write oci://registry/name:tag.")
    registry, name, tag, digest = parts.groups()
    return Image(web, registry, name, digest or tag or "latest", environment)


def _of_this_platform(manifests: Sequence[Mapping[str, Any]], shown: str) -> str:
    """The digest of the manifest for this machine; of the only one there is, if it is for no machine in particular."""
    wanted = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    for manifest in manifests:
        if manifest.get("platform", {}).get("architecture") == wanted:
            return str(manifest["digest"])
    if len(manifests) == 1:
        return str(manifests[0]["digest"])
    raise SourceNotFound(f"'{shown}' has no image for {wanted}; name another by its digest.")


def _login(registry: str, environment: Mapping[str, str]) -> dict[str, str]:
    folder = environment.get("DOCKER_CONFIG") or f"{environment.get('HOME', '/')}/.docker"
    try:
        logins = json.loads(Path(folder, "config.json").read_text(encoding="utf-8")).get("auths", {})
    except FileNotFoundError:
        return {}
    except ValueError as exc:
        raise AddressInvalid(f"{folder}/config.json is no JSON; mend it, or log in again.") from exc
    own = logins.get(registry) or logins.get(f"https://{registry}/v1/") or {}
    return {"authorization": f"Basic {own['auth']}"} if own.get("auth") else {}
