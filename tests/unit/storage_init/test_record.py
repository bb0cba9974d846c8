from pathlib import Path

import pytest

from storage_init import record
from storage_init.record import RECORD, Record

MADE = Record("models/x", "identity", "version", ("1", "config.pbtxt"), complete=True)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record.write(tmp_path, MADE)
    assert record.read(tmp_path) == MADE
    assert [path.name for path in tmp_path.iterdir()] == [RECORD]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"entries": 1}', '{"entries": [], "other": 1}', "\udcff"])
def test_what_is_no_record_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / RECORD).write_bytes(text.encode(errors="surrogateescape"))
    assert record.read(tmp_path) is None
    assert record.read(tmp_path / "missing") is None
