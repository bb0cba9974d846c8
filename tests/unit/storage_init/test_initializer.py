import asyncio
import os
import zipfile
from pathlib import Path

import pytest

from storage_init.address import parse
from storage_init.errors import ArchiveRefused, DeadlineExceeded, DestinationRefused, FilesystemFailed, StorageError
from storage_init.initializer import Transfer, initialize
from storage_init.record import RECORD
from storage_init.settings import Limits, Settings


async def run(*pairs: tuple[Path | str, Path], settings: Settings | None = None) -> list[str]:
    said: list[str] = []
    transfers = [Transfer(parse(str(source)), destination) for source, destination in pairs]
    await initialize(transfers, settings or Settings(timeout=30), said.append)
    return said


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source" / "1").mkdir(parents=True)
    (tmp_path / "source" / "1" / "model.onnx").write_bytes(b"1" * 1000)
    (tmp_path / "source" / "config.pbtxt").touch()
    return tmp_path / "source"


async def test_a_folder_is_put_in_place_with_nothing_left_beside_it(source: Path, tmp_path: Path) -> None:
    said = await run((source, tmp_path / "mnt" / "models"))
    assert names(tmp_path / "mnt") == [
        "models",
        *(f"models/{n}" for n in (RECORD, "1", "1/model.onnx", "config.pbtxt")),
    ]
    assert said[-1].endswith("models, complete")


async def test_a_second_run_finds_it_complete_and_touches_nothing(source: Path, tmp_path: Path) -> None:
    await run((source, tmp_path / "models"))
    before = (tmp_path / "models").stat()
    assert "complete and unchanged" in (await run((source, tmp_path / "models")))[-1]
    assert os.path.samestat(before, (tmp_path / "models").stat())


async def test_an_edited_source_and_a_damaged_destination_are_put_right(source: Path, tmp_path: Path) -> None:
    await run((source, tmp_path / "models"))
    (source / "config.pbtxt").write_text("edited")
    await run((source, tmp_path / "models"))
    assert (tmp_path / "models/config.pbtxt").read_text() == "edited"
    (tmp_path / "models/config.pbtxt").unlink()
    await run((source, tmp_path / "models"))
    assert (tmp_path / "models/config.pbtxt").exists()


async def test_another_source_takes_the_place_of_the_first(source: Path, tmp_path: Path) -> None:
    await run((source, tmp_path / "models"))
    await run((source / "1", tmp_path / "models"))
    assert names(tmp_path / "models") == [RECORD, "model.onnx"]


async def test_a_failure_leaves_what_was_there(source: Path, tmp_path: Path) -> None:
    await run((source, tmp_path / "models"))
    before = names(tmp_path)
    with pytest.raises(StorageError):
        await run((tmp_path / "missing", tmp_path / "models"))
    assert names(tmp_path) == before


async def test_the_only_file_is_unpacked_if_it_is_an_archive(source: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with zipfile.ZipFile(tmp_path / "one" / "m.zip", "w") as archive:
        archive.writestr("1/model.onnx", "1")
    await run((tmp_path / "one", tmp_path / "models"))
    assert names(tmp_path / "models") == [RECORD, "1", "1/model.onnx"]
    (tmp_path / "one" / "second").touch()
    await run((tmp_path / "one", tmp_path / "models"))
    assert names(tmp_path / "models") == [RECORD, "m.zip", "second"]


async def test_a_refused_archive_leaves_nothing_behind(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("fine", "1")
        archive.writestr("../evil", "1")
    with pytest.raises(ArchiveRefused):
        await run((tmp_path / "m.zip", tmp_path / "models"))
    assert names(tmp_path) == ["m.zip"]


async def test_the_limits_reach_the_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("x", "1" * 100)
    with pytest.raises(ArchiveRefused, match="--max-unpacked-bytes"):
        await run((tmp_path / "m.zip", tmp_path / "models"), settings=Settings(limits=Limits(total_bytes=99)))


async def test_a_parent_is_filled_before_what_lies_in_it(source: Path, tmp_path: Path) -> None:
    pairs = ((source / "1", tmp_path / "models" / "adapter"), (source, tmp_path / "models"))
    for _ in range(2):
        await run(*pairs)
        assert (tmp_path / "models/adapter/model.onnx").exists()
        assert (tmp_path / "models/1/model.onnx").exists()


async def test_a_new_version_leaves_a_model_in_a_subfolder_alone(source: Path, tmp_path: Path) -> None:
    await run((source, tmp_path / "models"))
    await run((source / "1", tmp_path / "models" / "adapter"))
    (source / "config.pbtxt").write_text("edited")
    await run((source, tmp_path / "models"))
    assert (tmp_path / "models/adapter/model.onnx").exists()
    assert (tmp_path / "models/config.pbtxt").read_text() == "edited"
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [RECORD, "1", "adapter", "config.pbtxt"]


async def test_several_initializers_of_one_destination_all_succeed(source: Path, tmp_path: Path) -> None:
    said = await asyncio.gather(*(run((source, tmp_path / "models")) for _ in range(4)))
    assert sorted(lines[-1].endswith("complete and unchanged") for lines in said) == [False, True, True, True]


async def test_a_destination_with_files_of_somebody_else_is_refused(source: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "precious").touch()
    with pytest.raises(DestinationRefused, match="precious"):
        await run((source, tmp_path / "models"))
    assert names(tmp_path / "models") == ["precious"]


async def test_source_and_destination_in_one_place_is_nothing_to_do(source: Path) -> None:
    before = names(source)
    assert "nothing to do" in (await run((source, source)))[-1]
    assert names(source) == before


async def test_waiting_for_another_initializer_ends_at_the_deadline(source: Path, tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / ".models.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DeadlineExceeded, match="--timeout"):
            await run((source, tmp_path / "models"), settings=Settings(timeout=0.3))
    assert not (tmp_path / "models").exists()


async def test_what_the_filesystem_says_is_passed_on_with_a_mend(source: Path, tmp_path: Path) -> None:
    with pytest.raises(FilesystemFailed, match=r"Could not put .*check the folder"):
        await run((source, Path("/proc/nowhere/models")))
