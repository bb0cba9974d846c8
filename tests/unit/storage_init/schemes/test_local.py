import asyncio
import os
from pathlib import Path

import pytest

from storage_init.address import parse
from storage_init.errors import FetchFailed, SourceNotFound, SourceRefused, Stopped
from storage_init.meter import Meter
from storage_init.objects.depot import Depot
from storage_init.schemes import local
from storage_init.schemes.local import Local
from storage_init.schemes.scheme import Fetched, Outcome, Unchanged


def make(folder: Path) -> None:
    folder.mkdir(exist_ok=True)


DEPOT = Depot(Path("no depot is needed for a copy"))


async def fetch(source: Path | str, into: Path, known: str = "") -> Outcome:
    make(into)
    return await Local().fetch(parse(str(source)), into, known, Meter("x", lambda line: None), DEPOT)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    (source / "1" / "empty folder").mkdir(parents=True)
    (source / "1" / "model.onnx").write_bytes(os.urandom(100_000))
    (source / "__init__.py").touch()
    (source / ".hidden").write_text("h")
    (source / "run").write_text("#!")
    (source / "run").chmod(0o700)
    return source


async def test_a_folders_contents_go_directly_into_the_destination(source: Path, tmp_path: Path) -> None:
    assert isinstance(await fetch(source, tmp_path / "into"), Fetched)
    copied = sorted(str(path.relative_to(tmp_path / "into")) for path in (tmp_path / "into").rglob("*"))
    assert copied == [".hidden", "1", "1/empty folder", "1/model.onnx", "__init__.py", "run"]
    assert (tmp_path / "into/1/model.onnx").read_bytes() == (source / "1/model.onnx").read_bytes()


async def test_a_copy_shares_nothing_with_its_source_and_everybody_may_read_it(source: Path, tmp_path: Path) -> None:
    await fetch(source, tmp_path / "into")
    (source / "run").write_text("edited")
    copy = tmp_path / "into" / "run"
    assert copy.read_text() == "#!"
    assert copy.stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "into/__init__.py").stat().st_mode & 0o777 == 0o644


async def test_a_file_goes_under_its_own_name(source: Path, tmp_path: Path) -> None:
    await fetch(f"file://{source}/1/model.onnx", tmp_path / "into")
    assert [path.name for path in (tmp_path / "into").iterdir()] == ["model.onnx"]


async def test_the_version_changes_with_the_source_and_not_without(source: Path, tmp_path: Path) -> None:
    first = await fetch(source, tmp_path / "a")
    assert isinstance(first, Fetched)
    assert isinstance(await fetch(source, tmp_path / "b", first.version), Unchanged)
    assert not list((tmp_path / "b").iterdir())
    (source / "run").write_text("other")
    assert isinstance(await fetch(source, tmp_path / "b", first.version), Fetched)


async def test_links_inside_are_followed(source: Path, tmp_path: Path) -> None:
    (source / "latest").symlink_to("1")
    (source / "m").symlink_to(source / "1" / "model.onnx")
    await fetch(source, tmp_path / "into")
    assert not (tmp_path / "into/latest").is_symlink()
    assert (tmp_path / "into/latest/model.onnx").stat().st_size == 100_000
    assert (tmp_path / "into/m").stat().st_size == 100_000


@pytest.mark.parametrize(
    ("target", "cause"),
    [("../secret", "leads out of it"), ("gone", "leads to nothing"), (".", "a folder that it is in")],
)
async def test_other_links_are_an_error_that_names_them(source: Path, tmp_path: Path, target: str, cause: str) -> None:
    (tmp_path / "secret").touch()
    (source / "1" / "link").symlink_to(Path("..") / target)
    with pytest.raises(SourceRefused, match=rf"'1/link' .*{cause}"):
        await fetch(source, tmp_path / "into")


async def test_a_link_in_a_circle_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(SourceRefused, match="in a circle"):
        await fetch(tmp_path / "circle", tmp_path / "into")


async def test_a_pipe_is_an_error(source: Path, tmp_path: Path) -> None:
    os.mkfifo(source / "pipe")
    with pytest.raises(SourceRefused, match="neither a file nor a folder"):
        await fetch(source, tmp_path / "into")


async def test_nothing_there_and_nothing_in_it_are_errors(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(SourceNotFound, match=r"Nothing stands at .*isvc\.yaml"):
        await fetch(tmp_path / "missing", tmp_path / "into")
    with pytest.raises(SourceNotFound, match="no file in"):
        await fetch(tmp_path / "a", tmp_path / "into")


async def test_a_file_that_changes_while_it_is_copied_is_an_error(source: Path, tmp_path: Path) -> None:
    entry = next(entry for entry in local.list_entries(source, "x") if entry.name == "run")
    (source / "run").write_text("grown longer")
    with pytest.raises(FetchFailed, match="changed while it was copied"):
        local._copy(entry, tmp_path / "copy", Meter("x", lambda line: None))


async def test_cancelling_ends_the_copy_before_it_returns(source: Path, tmp_path: Path) -> None:
    (tmp_path / "into").mkdir()
    stopped: list[type[BaseException]] = []

    class Slow(Meter):
        def advance(self, count: int) -> None:
            task.get_loop().call_soon_threadsafe(task.cancel)
            while not self._stopped:
                pass
            try:
                super().advance(count)
            except Stopped as exc:
                stopped.append(type(exc))
                raise

    work = Local().fetch(parse(str(source)), tmp_path / "into", "", Slow("x", lambda line: None), DEPOT)
    task = asyncio.ensure_future(work)
    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert stopped == [Stopped]


async def test_without_copies_in_the_kernel_bytes_are_moved(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)
    await fetch(source, tmp_path / "into")
    assert (tmp_path / "into/1/model.onnx").read_bytes() == (source / "1/model.onnx").read_bytes()
