import pytest

from isvc.backends.folder import ProjectFolder
from isvc.backends.records import Wanted
from isvc.errors import StackError


@pytest.fixture
def folder(tmp_path):
    made = ProjectFolder(tmp_path / "project")
    made.make()
    return made


def test_nothing_is_wanted_and_reported_at_first(folder):
    assert folder.read_wanted() == Wanted()
    assert folder.read_report() is None
    assert not folder.claimed()


def test_what_was_written_is_read(folder, service):
    wanted = Wanted(1, 8080, (service(),))
    before = folder.wanted_stamp()
    folder.write_wanted(wanted)
    assert folder.read_wanted() == wanted
    assert folder.wanted_stamp() != before


def test_only_one_holds_the_supervisor_lock_and_it_goes_with_its_holder(folder):
    held = folder.claim()
    assert held is not None
    assert folder.claim() is None
    assert folder.claimed()
    held.close()
    assert not folder.claimed()


def test_a_file_of_another_version_is_an_error_that_says_what_to_do(folder):
    (folder.root / "wanted.json").write_text("{}")
    with pytest.raises(StackError, match="remove its folder"):
        folder.read_wanted()


def test_a_report_of_another_version_is_none(folder):
    (folder.root / "state.json").write_text("{}")
    assert folder.read_report() is None


def test_the_state_is_readable_for_its_owner_only(folder):
    assert folder.root.stat().st_mode & 0o077 == 0
