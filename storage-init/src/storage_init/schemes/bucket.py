"""A bucket of S3, GCS or Azure, by way of obstore. How to open each is in `s3`, `gs` and `azure`."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError, NotFoundError, PreconditionError

from storage_init.address import Address, redact
from storage_init.errors import (
    AddressInvalid,
    FetchFailed,
    FetchInterrupted,
    SettingInvalid,
    SourceNotFound,
    StorageError,
)
from storage_init.objects.item import Chunk, Digest, Item
from storage_init.settings import Settings

if TYPE_CHECKING:
    from obstore import Bytes, GetResult, ObjectMeta
    from obstore.store import AzureStore, ClientConfig, GCSStore, RetryConfig, S3Store

    AnyStore = S3Store | GCSStore | AzureStore

_CHUNK = 1 << 20
"""Bytes that come before anything is done with them: each time costs a turn of the event loop."""
_STALL = 256 * 1024
"""A stall is less than this in each `stall_timeout`, seen after a whole chunk."""
_HEADS_AT_ONCE = 16
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')
_ENDPOINT = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_NO_BUCKET = frozenset({"NoSuchBucket", "ContainerNotFound"})
NO_RETRIES: RetryConfig = {"max_retries": 0, "retry_timeout": timedelta(0)}
"""What is tried again is decided here, so that each attempt is told of, and goes on where the last one stopped."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """`Shelf` for what stands at `prefix` in a bucket."""

    store: AnyStore
    prefix: str
    """Without slashes at its ends; a key of one object, or a folder."""
    only_below: bool
    """The address ends with a slash: an object of that very name is not meant."""
    identity: str
    shown: str
    mend: str
    """Where the credentials of this kind of store come from: a sentence for whoever is refused."""
    settings: Settings
    etag_is_md5: bool = True

    async def items(self) -> Sequence[Item]:
        alone, below = await asyncio.gather(self._alone(), self._below(), return_exceptions=True)
        for outcome in (alone, below):
            if isinstance(outcome, BaseException) and not isinstance(outcome, StorageError):
                raise outcome
        if isinstance(alone, Item) and (alone.size or not below or isinstance(below, BaseException)):
            return [alone]
        if isinstance(below, BaseException):
            raise below
        if not below and isinstance(alone, BaseException):
            raise alone
        return await self._with_folders(below)

    @asynccontextmanager
    async def read(self, item: Item, start: int, stop: int | None) -> AsyncIterator[AsyncIterator[Chunk]]:
        options: dict[str, Any] = {"if_match": item.version} if item.version else {}
        if (start, stop) != (0, item.size):
            options["range"] = (start, stop)
        try:
            answer = await obstore.get_async(self.store, item.key, options=options)  # type: ignore[arg-type]
            yield self._at_once(answer) if stop is not None and stop - start <= _CHUNK else self._chunks(answer)
        except (BaseError, FileNotFoundError) as exc:
            raise self._translate(exc, item.key) from exc

    async def _at_once(self, answer: GetResult) -> AsyncIterator[Chunk]:
        """What fits into one chunk: a stream of it costs a second wait, which is dear where objects are small."""
        yield await self._in_time(answer.bytes_async())

    async def _chunks(self, answer: GetResult) -> AsyncIterator[Chunk]:
        chunks = aiter(answer.stream(min_chunk_size=_CHUNK))
        with contextlib.suppress(StopAsyncIteration):
            while True:
                yield await self._in_time(anext(chunks))

    async def _in_time(self, coming: Awaitable[Bytes | bytes]) -> Chunk:
        seconds = self.settings.stall_timeout * (_CHUNK // _STALL)
        try:
            async with asyncio.timeout(seconds):
                return memoryview(await coming)
        except TimeoutError as exc:
            message = f"'{self.shown}' has stalled: less than {_CHUNK // 1024} KiB in {seconds:g} s."
            raise FetchInterrupted(message) from exc

    async def _alone(self) -> Item | None:
        """The object that the address names, if there is one."""
        if self.only_below or not self.prefix:
            return None
        try:
            meta = await obstore.head_async(self.store, self.prefix)
        except (NotFoundError, FileNotFoundError):
            return None
        except BaseError as exc:
            raise self._translate(exc, self.prefix) from exc
        return replace(self._item(meta, PurePosixPath(self.prefix).name), named=True)

    async def _below(self) -> list[Item]:
        """The objects in the folder that the address names. A sibling that begins with its letters is not in it."""
        cut = len(self.prefix) + 1 if self.prefix else 0
        found: list[Item] = []
        try:
            async for page in obstore.list(self.store, prefix=self.prefix or None, chunk_size=1000):
                found += [self._item(meta, meta["path"][cut:]) for meta in page if len(meta["path"]) > cut]
        except (BaseError, FileNotFoundError) as exc:
            raise self._translate(exc, self.prefix) from exc
        return found

    async def _with_folders(self, found: Sequence[Item]) -> list[Item]:
        """An empty folder is kept as an object of no bytes whose key ends with a slash, and is listed without it. Only
        asking for the object itself tells it from an empty file."""
        at_once = asyncio.Semaphore(_HEADS_AT_ONCE)

        async def looked_at(item: Item) -> Item:
            if item.size:
                return item
            async with at_once:
                try:
                    await obstore.head_async(self.store, item.key)
                except (NotFoundError, FileNotFoundError):
                    return Item(item.name, item.key, 0, item.version, folder=True)
                except BaseError as exc:
                    raise self._translate(exc, item.key) from exc
            return item

        return list(await asyncio.gather(*map(looked_at, found)))

    def _item(self, meta: ObjectMeta, name: str) -> Item:
        etag = meta["e_tag"] or ""
        md5 = _MD5.fullmatch(etag) if self.etag_is_md5 else None
        return Item(
            name=name,
            key=meta["path"],
            size=meta["size"],
            version=etag,
            modified=meta["last_modified"].timestamp(),
            digest=Digest("md5", md5[1], certain=False) if md5 else None,
        )

    def _translate(self, exc: Exception, key: str) -> StorageError:
        """What obstore says of a failure, in one line; its own text shows requests, which may be signed."""
        text = str(exc)
        status = int(found[1]) if (found := _STATUS.search(text)) else 0
        code = found[1] if (found := _CODE.search(text)) and not found[1].isdecimal() else ""
        what = f"'{self.shown}'"
        if isinstance(exc, PreconditionError):
            return FetchFailed(f"{what}: '{key}' changed while it was fetched; run this again when it is written.")
        if code in _NO_BUCKET:
            return SourceNotFound(f"{what}: there is no such bucket ({code}); check its name and the endpoint.")
        if status in (401, 403):
            return FetchFailed(f"{what}: access was refused ({status}{f' {code}' if code else ''}). {self.mend}")
        if status in _TRY_AGAIN:
            return FetchInterrupted(f"{what} answered {status}{f' {code}' if code else ''}.")
        if status == 404:
            return SourceNotFound(f"Nothing stands at {what} (the store answered 404{f' {code}' if code else ''}).")
        if status:
            return FetchFailed(f"{what} answered {status}{f' {code}' if code else ''}; check the address and endpoint.")
        return self._unanswered(text)

    def _unanswered(self, text: str) -> StorageError:
        endpoint = f" by way of {self._endpoint}" if self._endpoint else ""
        if "kind: Connect" in text or "error sending request" in text:
            return FetchInterrupted(f"No connection to '{self.shown}'{endpoint}. Check the endpoint and the proxy.")
        if "TimedOut" in text or "operation timed out" in text or "kind: Timeout" in text:
            return FetchInterrupted(f"'{self.shown}'{endpoint} sent nothing for {self.settings.read_timeout:g} s.")
        if "kind: Decode" in text or "kind: Body" in text or "HTTP error" in text or "request or response body" in text:
            return FetchInterrupted(f"The transfer of '{self.shown}'{endpoint} broke.")
        return FetchFailed(f"'{self.shown}': {_first_line(text)}")

    @property
    def _endpoint(self) -> str:
        return self.identity.partition(" ")[2].partition(" ")[0]


def split(address: Address) -> tuple[str, str, bool]:
    """Bucket, prefix without slashes at its ends, and whether the address ends with one."""
    rest = address.text.partition("://")[2]
    name, _, prefix = rest.partition("/")
    if not name:
        raise AddressInvalid(f"'{address.shown}' names no bucket; write {address.scheme}://bucket/folder.")
    return name, prefix.strip("/"), prefix.endswith("/")


@contextlib.contextmanager
def usable(shown: str, mend: str) -> Iterator[None]:
    """Raise SettingInvalid where obstore cannot make anything of what it is given. What it says of that is not
    repeated: it may quote a key."""
    try:
        yield
    except (BaseError, ValueError) as exc:
        raise SettingInvalid(
            f"'{shown}' cannot be asked: the environment has credentials, certificates or an endpoint that cannot be "
            f"read. {mend}"
        ) from exc


def endpoint_of(environment: Mapping[str, str], name: str) -> str:
    """The variable called `name`, without a slash at its end; raises SettingInvalid for what is no endpoint."""
    value = environment.get(name, "").strip().rstrip("/")
    if value and not _ENDPOINT.fullmatch(value):
        raise SettingInvalid(f"{name} is '{redact(value)}'; write http://host:port or https://host.")
    return value


def client_options(settings: Settings, environment: Mapping[str, str]) -> ClientConfig:
    """How every bucket is talked to. The time for a whole request is not bounded: silence and stalls are."""
    options: ClientConfig = {
        "allow_http": True,
        "connect_timeout": timedelta(seconds=settings.connect_timeout),
        "read_timeout": timedelta(seconds=settings.read_timeout),
        "timeout": timedelta(seconds=settings.timeout),
        "user_agent": "storage-init",
    }
    proxy = next((environment[name] for name in ("HTTPS_PROXY", "https_proxy") if environment.get(name)), "")
    if proxy:
        options["proxy_url"] = proxy
        excluded = environment.get("NO_PROXY") or environment.get("no_proxy")
        if excluded:
            options["proxy_excludes"] = excluded
    return options


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return re.sub(r"\?\S*", "?***", line)[:300]
