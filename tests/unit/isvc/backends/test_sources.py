import os

from isvc.backends.sources import digest


def test_a_change_of_any_file_is_seen(tmp_path):
    (tmp_path / "model.py").write_text("one")
    before = digest(tmp_path)
    assert digest(tmp_path) == before
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "more.py").write_text("two")
    added = digest(tmp_path)
    os.utime(tmp_path / "model.py", (1, 1))
    assert len({before, added, digest(tmp_path)}) == 3


def test_what_python_and_editors_leave_does_not_count(tmp_path):
    before = digest(tmp_path)
    for name in ("__pycache__", ".git"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text("x")
    assert digest(tmp_path) == before
