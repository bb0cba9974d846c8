import asyncio
import os
from pathlib import Path

from storage_init.objects.depot import Depot
from storage_init.objects.item import Item

ITEM = Item("a", "key", 4, "v1", modified=1_000_000_000.5)


async def _kept(depot: Depot, item: Item) -> str:
    name = depot.name("store", item)
    async with depot.claim(name) as partial:
        partial.write(b"onnx", 0)
        return depot.keep(name, partial, item)


def kept(depot: Depot) -> Path:
    return Path(asyncio.run(_kept(depot, ITEM)))


def test_a_whole_object_is_found_and_read_only(tmp_path: Path) -> None:
    depot = Depot(tmp_path / "depot")
    whole = kept(depot)
    assert depot.find(whole.name, ITEM) == str(whole)
    assert whole.read_bytes() == b"onnx"
    assert whole.stat().st_mode & 0o777 == 0o444


def test_one_that_a_server_wrote_into_is_forgotten(tmp_path: Path) -> None:
    depot = Depot(tmp_path / "depot")
    whole = kept(depot)
    depot.place(str(whole), str(tmp_path / "model"))
    (tmp_path / "model").chmod(0o644)
    (tmp_path / "model").write_bytes(b"XNNO")
    if (tmp_path / "model").stat().st_ino == whole.stat().st_ino:  # linked, not cloned
        assert depot.find(whole.name, ITEM) is None
        assert not whole.exists()


def test_another_store_key_version_or_size_is_another_object(tmp_path: Path) -> None:
    depot = Depot(tmp_path)
    others = [Item("a", "key2", 4, "v1"), Item("a", "key", 5, "v1"), Item("a", "key", 4, "v2")]
    names = {depot.name("store", ITEM), depot.name("other", ITEM), *(depot.name("store", other) for other in others)}
    assert len(names) == 5


async def test_an_object_is_claimed_by_one_at_a_time(tmp_path: Path) -> None:
    depot, other = Depot(tmp_path, shared=True), Depot(tmp_path, shared=True)
    async with depot.claim("a"):
        assert other._try("a") is None
    async with other.claim("a"):
        pass


async def test_parts_that_are_cut_off_in_the_journal_do_not_count(tmp_path: Path) -> None:
    depot = Depot(tmp_path)
    async with depot.claim("a") as partial:
        assert partial.done(100, 300) == set()
        partial.mark_done(0)
        partial.mark_done(200)
    journal = tmp_path / "partial" / "a.parts"
    journal.write_text(journal.read_text() + "30")
    async with depot.claim("a") as partial:
        assert partial.done(100, 300) == {0, 200}
        assert partial.done(50, 300) == set()


async def test_a_journal_that_outlived_its_file_is_not_believed(tmp_path: Path) -> None:
    depot = Depot(tmp_path)
    async with depot.claim("a") as partial:
        partial.done(100, 300)
        partial.mark_done(0)
    (tmp_path / "partial" / "a").unlink()  # as a run leaves it that ends between two removals
    async with depot.claim("a") as partial:
        assert partial.done(100, 300) == set()
        assert partial.done(100, 300) == set()


async def test_tidying_removes_what_nobody_went_on_with_and_nothing_else(tmp_path: Path) -> None:
    depot = Depot(tmp_path / "depot")
    async with depot.claim("old"), depot.claim("new"):
        pass
    os.utime(tmp_path / "depot" / "partial" / "old", (0, 0))
    depot.tidy()
    assert [path.name for path in (tmp_path / "depot").rglob("*") if path.is_file()] == ["new"]
    (tmp_path / "depot" / "partial" / "new").unlink()
    depot.tidy()
    assert not (tmp_path / "depot").exists()
