"""`http://` and `https://`: one object. A large one whose server knows ranges is fetched in parts, several at once.

What is retried: no connection, a connection that broke or stalled, and the answers 408, 425, 429 and 5xx. A user and
password in the address, and the headers in a variable `<host>-headers` (a JSON object, as KServe gives it), are sent to
the address's own host only.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from storage_init.address import Address
from storage_init.errors import AddressInvalid, FetchFailed, SourceRefused
from storage_init.meter import Meter
from storage_init.objects.depot import Depot
from storage_init.objects.item import Chunk, Item
from storage_init.retry import persist
from storage_init.schemes import shelf
from storage_init.schemes.filename import choose_name
from storage_init.schemes.scheme import Fetched, Outcome, Scheme, Unchanged
from storage_init.schemes.web import Web, client, range_header
from storage_init.settings import Settings


def open(settings: Settings) -> Scheme:
    return Http(settings)


class Http:
    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._transport = transport

    async def fetch(self, address: Address, into: Path, known: str, meter: Meter, depot: Depot) -> Outcome:
        settings = self._settings
        host = _host(address)
        headers = _headers(host, settings.environment)
        async with (
            client(settings, headers, self._transport, host) as asked,
            _Object(Web(asked, settings, address.shown), address) as found,
        ):
            item = await persist(settings.backoff, lambda: found.look(known))
            if item is None:
                return Unchanged()
            await shelf.collect(found, [item], address, into, meter, depot, settings)
            return Fetched(found.condition)


class _Object:
    """`Store` for the one object at an address. What answered first is read if all of it is wanted."""

    def __init__(self, web: Web, address: Address) -> None:
        self._web = web
        self._url = address.text
        self._answer: httpx.Response | None = None
        self._opened = AsyncExitStack()
        self.identity = f"http {address.identity}"
        self.condition = ""
        """The version as the request header (RFC 9110, section 13.1) that asks for any other; empty if it has none."""

    async def __aenter__(self) -> _Object:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def look(self, known: str) -> Item | None:
        """What stands at the address; None where that is still the version `known`."""
        await self._close()
        kind, _, value = known.partition(" ")
        answer = await self._opened.enter_async_context(self._web.get(self._url, {kind: value} if value else {}))
        if known and answer.status_code == httpx.codes.NOT_MODIFIED:
            return None
        self._web.refuse(answer)
        _refuse_page(answer, self._web.shown)
        if answer.status_code != httpx.codes.OK:
            raise FetchFailed(f"'{self._web.shown}' answered {answer.status_code}: check the address.")
        self._answer = answer
        self.condition = _condition(answer)
        return self._item(answer)

    @asynccontextmanager
    async def read(self, item: Item, start: int, stop: int | None) -> AsyncIterator[AsyncIterator[Chunk]]:
        answer, self._answer = self._answer, None
        if answer is not None and start == 0 and stop == item.size:
            try:
                yield self._web.chunks(answer)
            except httpx.HTTPError as exc:
                raise self._web.translate(exc) from exc
            return
        await self._close()
        headers = range_header(item, start, stop)
        async with self._web.get(self._url, headers) as again:
            self._web.refuse(again)
            if headers and (again.status_code != httpx.codes.PARTIAL_CONTENT or _condition(again) != self.condition):
                raise FetchFailed(f"'{self._web.shown}' changed while it was fetched; run this again.")
            yield self._web.chunks(again)

    async def _close(self) -> None:
        self._answer = None
        with contextlib.suppress(httpx.HTTPError):
            await self._opened.aclose()

    def _item(self, answer: httpx.Response) -> Item:
        length = answer.headers.get("content-length", "")
        ranges = answer.headers.get("accept-ranges", "").strip().lower() == "bytes"
        strong = self.condition and not self.condition.startswith("if-none-match W/")
        return Item(
            name=choose_name(answer),
            key=self._web.shown,
            size=int(length) if length.isdecimal() else None,
            version=self.condition if length.isdecimal() and ranges and strong else "",
            modified=_modified(answer),
            named=True,
        )


def _host(address: Address) -> str:
    try:
        return urlsplit(address.text).hostname or ""
    except ValueError:
        return ""  # what is wrong with it, httpx says


def _headers(host: str, environment: Mapping[str, str]) -> dict[str, str]:
    name = f"{host}-headers"
    text = environment.get(name, "")
    if not text:
        return {}
    try:
        headers = json.loads(text)
    except ValueError as exc:
        raise AddressInvalid(f"The variable {name} holds no JSON object of header names and values; mend it.") from exc
    return {str(key): str(value) for key, value in headers.items()}


def _condition(answer: httpx.Response) -> str:
    if etag := answer.headers.get("etag"):
        return f"if-none-match {etag}"
    if modified := answer.headers.get("last-modified"):
        return f"if-modified-since {modified}"
    return ""


def _modified(answer: httpx.Response) -> float | None:
    try:
        return parsedate_to_datetime(answer.headers.get("last-modified", "")).timestamp()
    except ValueError:
        return None


def _refuse_page(answer: httpx.Response, shown: str) -> None:
    """Raise SourceRefused for what is a page about a model, or no longer the bytes of one."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/html" and not choose_name(answer).endswith((".html", ".htm")):
        raise SourceRefused(f"'{shown}' is a web page, not a model: a login page, or the page around a download link.")
    encoding = answer.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "") and not choose_name(answer).lower().endswith((".gz", ".tgz")):
        raise SourceRefused(
            f"'{shown}' comes with Content-Encoding {encoding}, which was not asked for; it is no model."
        )
