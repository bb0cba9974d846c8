import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from storage_init.errors import FetchFailed, FetchInterrupted
from storage_init.meter import Meter
from storage_init.objects.collection import Collection
from storage_init.objects.depot import Depot
from storage_init.objects.item import Chunk, Digest, Item
from storage_init.settings import Settings

BODY = bytes(range(256)) * 40
SETTINGS = Settings(part_bytes=1000, backoff=(0.0, 0.0))


@dataclass
class Shop:
    """A store of one body. Each read takes a fault from `faults`: the bytes after which it breaks, or None."""

    body: bytes = BODY
    faults: list[int | None] = field(default_factory=list)
    reads: list[tuple[int, int | None]] = field(default_factory=list)
    identity: str = "shop"

    @asynccontextmanager
    async def read(self, item: Item, start: int, stop: int | None) -> AsyncIterator[AsyncIterator[Chunk]]:
        self.reads.append((start, stop))
        yield self._chunks(start, stop, self.faults.pop(0) if self.faults else None)

    async def _chunks(self, start: int, stop: int | None, most: int | None) -> AsyncIterator[Chunk]:
        body = self.body[start:stop]
        if most is None:
            yield body
            return
        yield body[:most]
        raise FetchInterrupted("broke.")


def item(digest: str = "", version: str = "v1", size: int = len(BODY)) -> Item:
    return Item("a/b", "key", size, version, digest=Digest("sha256", digest) if digest else None)


async def gather(shop: Shop, wanted: Item, folder: Path, settings: Settings = SETTINGS) -> bytes:
    into = folder / "into"
    meter = Meter("x", lambda line: None)
    await Collection(shop, "shop://x", Depot(folder / "depot"), settings, meter).gather([wanted], into)
    found = (into / wanted.name).read_bytes()
    (into / wanted.name).unlink()
    return found


async def test_a_large_object_comes_in_parts_and_once(tmp_path: Path) -> None:
    shop = Shop()
    assert await gather(shop, item(hashlib.sha256(BODY).hexdigest()), tmp_path) == BODY
    assert len(shop.reads) == 11
    assert await gather(shop, item(), tmp_path) == BODY
    assert len(shop.reads) == 11


async def test_a_broken_part_goes_on_where_it_stopped(tmp_path: Path) -> None:
    shop = Shop(faults=[300])
    assert await gather(shop, item(), tmp_path, replace(SETTINGS, parts_at_once=1)) == BODY
    assert shop.reads[:2] == [(0, 1000), (300, 1000)]


async def test_a_later_run_fetches_only_the_parts_that_are_missing(tmp_path: Path) -> None:
    one_at_a_time = replace(SETTINGS, parts_at_once=1, backoff=())
    with pytest.raises(FetchInterrupted):
        await gather(Shop(faults=[None, None, 10]), item(), tmp_path, one_at_a_time)
    shop = Shop()
    assert await gather(shop, item(hashlib.sha256(BODY).hexdigest()), tmp_path, one_at_a_time) == BODY
    assert shop.reads[0] == (2000, 3000)


async def test_what_a_run_left_of_another_version_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(FetchInterrupted):
        await gather(Shop(faults=[None, 10, 10, 10]), item(), tmp_path, replace(SETTINGS, parts_at_once=1))
    new = Shop(body=BODY[::-1])
    assert await gather(new, item(version="v2"), tmp_path) == BODY[::-1]


async def test_without_a_version_a_broken_object_is_begun_anew_and_not_kept(tmp_path: Path) -> None:
    shop = Shop(faults=[300])
    assert await gather(shop, item(version=""), tmp_path) == BODY
    assert shop.reads == [(0, len(BODY)), (0, len(BODY))]
    assert await gather(shop, item(version=""), tmp_path) == BODY
    assert len(shop.reads) == 3


@pytest.mark.parametrize("size", [len(BODY), 999])
async def test_other_bytes_than_the_checksum_says_are_refused_and_not_kept(tmp_path: Path, size: int) -> None:
    wanted = item("0" * 64, size=size)
    with pytest.raises(FetchFailed, match="do not have the checksum"):
        await gather(Shop(body=BODY[:size]), wanted, tmp_path)
    assert not list((tmp_path / "depot" / "whole").iterdir())


async def test_an_etag_that_is_no_md5_is_seen_by_the_same_bytes_twice(tmp_path: Path) -> None:
    shop = Shop()
    wanted = replace(item(), digest=Digest("md5", "0" * 32, certain=False))
    assert await gather(shop, wanted, tmp_path) == BODY
    assert len(shop.reads) == 22


async def test_a_body_that_ends_too_early_every_time_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FetchInterrupted, match="is truncated: 'key' ended after"):
        await gather(Shop(body=BODY[:-1]), item(), tmp_path, replace(SETTINGS, part_bytes=1 << 20))
