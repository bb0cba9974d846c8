from pathlib import Path

import pytest

from storage_init import record
from storage_init.destination import Beside, Destination, Within, choose, refuse_foreign, refuse_overlap
from storage_init.errors import DestinationRefused
from storage_init.record import RECORD, Record


def made(*entries: str) -> Record:
    return Record("x", "identity", "v", entries, complete=True)


def fill(destination: Destination, *names: str) -> None:
    """One whole run: `names` are files, or folders with a file in them where they end in a slash."""
    staging = destination.stage()
    contents = staging / "fetched"
    contents.mkdir()
    for name in names:
        path = contents / name
        if name.endswith("/"):
            path.mkdir()
            path /= "inner"
        path.write_text(name)
    entries = tuple(sorted(path.name for path in contents.iterdir()))
    destination.publish(contents, staging, made(*entries))
    for left in staging.parent.glob(f"{staging.name.split('.partial-')[0]}.partial-*"):
        assert left == staging


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".storage-init.partial-"))


@pytest.fixture(params=[Beside, Within])
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> Destination:
    folder = tmp_path / "mnt" / "models"
    folder.parent.mkdir()
    if request.param is Within:
        folder.mkdir()
    return request.param(folder)


def test_what_was_staged_stands_at_the_destination_with_its_record(destination: Destination) -> None:
    fill(destination, "1/", "config.pbtxt")
    assert names(destination.folder) == [RECORD, "1", "config.pbtxt"]
    assert record.read(destination.folder) == made("1", "config.pbtxt")
    refuse_foreign(destination.folder)


def test_a_new_version_takes_the_place_of_the_old_one(destination: Destination) -> None:
    fill(destination, "1/", "old")
    fill(destination, "1/", "new")
    assert names(destination.folder) == [RECORD, "1", "new"]
    assert (destination.folder / "1" / "inner").read_text() == "1/"


def test_the_next_run_removes_what_a_killed_one_left(destination: Destination) -> None:
    left = destination.stage()
    (left / "half").touch()
    new = destination.stage()
    assert not left.exists()
    assert new.exists()


def test_a_folder_whose_name_is_a_pattern_does_not_clean_its_neighbours(tmp_path: Path) -> None:
    neighbour = Beside(tmp_path / "a1").stage()
    Beside(tmp_path / "a[1]").stage()
    assert neighbour.exists()


def test_within_a_mount_the_record_says_incomplete_while_entries_move(tmp_path: Path) -> None:
    destination = Within(tmp_path)
    fill(destination, "old")
    staging = destination.stage()
    (staging / "fetched").mkdir()
    with pytest.raises(FileNotFoundError):  # "missing" ends the run half way, as a kill would
        destination.publish(staging / "fetched", staging, made("missing"))
    standing = record.read(tmp_path)
    assert standing is not None
    assert not standing.complete
    assert set(standing.entries) == {"old", "missing"}
    refuse_foreign(tmp_path)
    fill(destination, "new")
    assert names(tmp_path) == [RECORD, "new"]


def test_an_older_version_returns_if_the_new_one_cannot_be_moved_in(tmp_path: Path) -> None:
    destination = Beside(tmp_path / "models")
    fill(destination, "old")
    staging = destination.stage()

    class Unmovable(type(tmp_path)):  # type: ignore[misc]
        def rename(self, target: Path) -> Path:
            raise OSError("no")

    (staging / "fetched").mkdir()
    with pytest.raises(OSError, match="no"):
        destination.publish(Unmovable(staging / "fetched"), staging, made())
    assert (tmp_path / "models" / "old").exists()


def test_files_of_somebody_else_are_never_removed(tmp_path: Path) -> None:
    fill(Within(tmp_path), "1/")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DestinationRefused, match=r"did not put there \(notes.txt\)"):
        refuse_foreign(tmp_path)


def test_a_model_in_a_subfolder_and_a_volumes_own_folder_are_not_foreign(tmp_path: Path) -> None:
    fill(Within(tmp_path), "1/")
    fill(Beside(tmp_path / "adapter"), "weights")
    (tmp_path / "lost+found").mkdir()
    refuse_foreign(tmp_path)


def test_a_model_whose_name_in_the_folder_is_taken_by_another_is_refused(destination: Destination) -> None:
    fill(destination, "1/")
    fill(Beside(destination.folder / "adapter"), "weights")
    with pytest.raises(DestinationRefused, match="another model stands at"):
        fill(destination, "1/", "adapter")
    standing = record.read(destination.folder)
    assert standing is not None
    assert standing.complete


def test_a_file_and_the_root_are_no_destination(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", Path("/")):
        with pytest.raises(DestinationRefused):
            choose(path)


def test_a_plain_folder_is_filled_from_beside_and_a_mount_point_from_within(tmp_path: Path) -> None:
    assert isinstance(choose(tmp_path / "new" / "models"), Beside)
    assert isinstance(choose(Path("/proc")), Within)


def test_a_link_to_a_folder_stands_for_that_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert choose(tmp_path / "link").folder == tmp_path / "real"


def test_source_and_destination_do_not_lie_one_in_the_other(tmp_path: Path) -> None:
    for source, folder in ((tmp_path, tmp_path / "in"), (tmp_path / "in", tmp_path)):
        with pytest.raises(DestinationRefused, match="one in the other"):
            refuse_overlap(source, folder)
    refuse_overlap(tmp_path / "a", tmp_path / "ab")
