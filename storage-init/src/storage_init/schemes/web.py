"""HTTP as every scheme on it speaks it: one client, its failures in our words, ranges of an object as chunks.

Proxies and certificates are taken from the environment as httpx takes them (HTTPS_PROXY, SSL_CERT_FILE).
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from storage_init.address import redact
from storage_init.errors import AddressInvalid, FetchFailed, FetchInterrupted, SourceNotFound, StorageError
from storage_init.meter import Pace
from storage_init.objects.item import Chunk, Item
from storage_init.settings import Settings

NO_HEADERS: Mapping[str, str] = {}
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


def client(
    settings: Settings, headers: Mapping[str, str], transport: httpx.AsyncBaseTransport | None = None, host: str = ""
) -> httpx.AsyncClient:
    """A client that sends `headers`, which may be secret, to `host` alone and not to where that redirects."""

    async def keep_secrets(request: httpx.Request) -> None:
        if request.url.host != host:
            for name in headers:
                request.headers.pop(name, None)

    return httpx.AsyncClient(
        transport=transport,
        timeout=httpx.Timeout(settings.read_timeout, connect=settings.connect_timeout),
        limits=httpx.Limits(max_connections=settings.files_at_once),
        follow_redirects=True,
        max_redirects=settings.max_redirects,
        headers={"user-agent": "storage-init", "accept": "*/*", "accept-encoding": "identity", **headers},
        event_hooks={"response": [_refuse_downgrade], "request": [keep_secrets]},
    )


@dataclass(frozen=True, slots=True)
class Web:
    """A client, and what its failures are said to be about."""

    client: httpx.AsyncClient
    settings: Settings
    shown: str
    mend: str = ""
    """What to do about credentials; where it is empty, what HTTP itself says."""

    @asynccontextmanager
    async def get(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """The answer to a request, its body still to be read. Raises StorageError, also while the body is read."""
        try:
            async with self.client.stream("GET", url, headers=headers) as response:
                yield response
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise self.translate(exc) from exc

    async def text(self, url: str, headers: Mapping[str, str]) -> httpx.Response:
        """The answer with its body, which is short."""
        async with self.get(url, headers) as response:
            self.refuse(response)
            await response.aread()
            return response

    @asynccontextmanager
    async def range(
        self, url: str, item: Item, start: int, stop: int | None, headers: Mapping[str, str] = NO_HEADERS
    ) -> AsyncIterator[AsyncIterator[Chunk]]:
        """The bytes of `item`, which stands at `url`, from `start` to `stop`."""
        part = range_header(item, start, stop)
        async with self.get(url, {**headers, **part}) as response:
            self.refuse(response)
            if part and not response.headers.get("content-range", "").startswith(f"bytes {start}-"):
                raise FetchFailed(
                    f"'{self.shown}' gave all of '{item.key}' where a part was asked for; run this again."
                )
            yield self.chunks(response)

    async def chunks(self, response: httpx.Response) -> AsyncIterator[Chunk]:
        pace = Pace(self.settings.stall_timeout, self.settings.stall_bytes)
        async for chunk in response.aiter_raw():
            yield chunk
            if not pace.keeps(len(chunk)):
                raise FetchInterrupted(f"'{self.shown}' has stalled: {pace}.")

    def refuse(self, response: httpx.Response) -> None:
        """Raise for any answer but 200 and 206."""
        status, shown = response.status_code, self.shown
        if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
            raise SourceNotFound(f"Nothing stands at '{shown}' (the server answered {status}); check the address.")
        if status in _TRY_AGAIN:
            raise FetchInterrupted(f"'{shown}' answered {status}.", _retry_after(response))
        if status not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
            raise FetchFailed(f"'{shown}' answered {status}: {self._cause(status)}")

    def _cause(self, status: int) -> str:
        if status not in (401, 403):
            return "check the address."
        if self.mend:
            return f"access was refused. {self.mend}"
        if status == httpx.codes.UNAUTHORIZED:
            return "the store asks for credentials."
        return "the credentials do not allow it, or a signed address has expired."

    def translate(self, exc: httpx.HTTPError | httpx.InvalidURL) -> StorageError:
        shown, settings = self.shown, self.settings
        match exc:
            case httpx.InvalidURL() | httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
                return AddressInvalid(f"'{shown}' is not an address that can be asked; check its host, port and path.")
            case httpx.TooManyRedirects():
                return FetchFailed(f"'{shown}' redirects more than {settings.max_redirects} times; check the address.")
            case httpx.ConnectTimeout():
                return FetchInterrupted(f"No connection to '{shown}' in {settings.connect_timeout:g} s.")
            case httpx.ConnectError():
                return FetchInterrupted(f"No connection to '{shown}': {exc}. Check the host, the port and the proxy.")
            case httpx.TimeoutException():
                return FetchInterrupted(f"'{shown}' sent nothing for {settings.read_timeout:g} s.")
        return FetchInterrupted(f"The connection to '{shown}' broke.")


def range_header(item: Item, start: int, stop: int | None) -> dict[str, str]:
    """What asks for a part of `item`; nothing where that is all of it."""
    return {} if stop is None or (start == 0 and stop == item.size) else {"range": f"bytes={start}-{stop - 1}"}


async def _refuse_downgrade(response: httpx.Response) -> None:
    if not response.has_redirect_location or response.url.scheme != "https":
        return
    target = response.url.join(response.headers["location"])
    if target.scheme != "https":
        raise FetchFailed(
            f"'{redact(str(response.url))}' redirects to '{redact(str(target))}', without encryption; "
            f"name that address itself if it is meant."
        )


def _retry_after(response: httpx.Response) -> float | None:
    with contextlib.suppress(ValueError):  # a date is allowed too; the own back-off serves as well
        return float(response.headers.get("retry-after", ""))
    return None
