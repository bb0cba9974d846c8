from isvc.backends.process import journal
from isvc.backends.process.journal import Journal, JournalFile


def texts(lines):
    return [line.text for line in lines]


def test_lines_are_kept_whole_however_they_arrive(tmp_path):
    path = tmp_path / "unit.log"
    file = JournalFile(path)
    writing = Journal(file)
    for part in (b"one\ntw", b"o\r\n", b"thr", b"ee"):
        writing.feed(part)
    assert texts(journal.read({"unit": path})) == ["one", "two"]
    writing.finish()
    assert texts(journal.read({"unit": path})) == ["one", "two", "three"]
    assert writing.last_lines == ("one", "two", "three")
    file.close()


def test_a_restart_begins_the_last_lines_anew_and_keeps_the_file(tmp_path):
    path = tmp_path / "unit.log"
    file = JournalFile(path)
    writing = Journal(file)
    writing.feed(b"before\n")
    writing.begin()
    writing.feed(b"after\n")
    assert writing.last_lines == ("after",)
    assert texts(journal.read({"unit": path})) == ["before", "after"]
    file.close()


def test_a_journal_is_bounded_and_keeps_the_newest_lines(tmp_path):
    path = tmp_path / "unit.log"
    file = JournalFile(path, limit=1000)
    writing = Journal(file)
    for number in range(200):
        writing.feed(f"line {number}\n".encode())
    file.close()
    assert path.stat().st_size <= 1000
    assert journal.rotated(path).stat().st_size <= 1000
    kept = texts(journal.read({"unit": path}))
    assert kept == [f"line {number}" for number in range(200 - len(kept), 200)]
    assert len(kept) > 20


def test_a_line_without_end_does_not_grow_without_bound(tmp_path):
    path = tmp_path / "unit.log"
    file = JournalFile(path)
    writing = Journal(file)
    writing.feed(b"x" * 200_000)
    file.close()
    assert path.stat().st_size > 200_000


def test_what_is_not_utf_8_is_shown_all_the_same(tmp_path):
    path = tmp_path / "unit.log"
    file = JournalFile(path)
    writing = Journal(file)
    writing.feed(b"\xff\xfe\n")
    file.close()
    assert texts(journal.read({"unit": path})) == ["\ufffd\ufffd"]


def test_several_journals_are_one_stream_in_order_of_time(tmp_path):
    (tmp_path / "a.log").write_text("2026-01-01T00:00:01.000000Z a1\n2026-01-01T00:00:03.000000Z a3\n")
    (tmp_path / "b.log").write_text("2026-01-01T00:00:02.000000Z b2\n")
    files = {"a": tmp_path / "a.log", "b": tmp_path / "b.log", "never": tmp_path / "never.log"}
    assert [(line.unit, line.text) for line in journal.read(files)] == [("a", "a1"), ("b", "b2"), ("a", "a3")]
    assert texts(journal.read(files, tail=1)) == ["b2", "a3"]


def test_following_goes_on_with_what_is_added_across_a_rotation(tmp_path):
    path = tmp_path / "unit.log"
    file = JournalFile(path, limit=200)
    writing = Journal(file)
    writing.feed(b"old\n")
    following = journal.follow({"unit": path})
    assert next(following).text == "old"
    writing.feed(b"new\n")
    assert next(following).text == "new"
    writing.feed(b"x" * 190 + b"\n")
    assert next(following).text == "x" * 190
    file.close()


def test_the_name_of_a_journal_says_whose_it_is():
    assert journal.file_name("default/mnist/mnist-predictor") == "default.mnist.mnist-predictor.log"
    assert journal.key(journal.file_name("default/mnist/mnist-predictor")) == "default/mnist/mnist-predictor"
    assert journal.key(journal.file_name("ingress")) == "ingress"


def test_following_yields_nothing_twice(tmp_path):
    path = tmp_path / "unit.log"
    file = JournalFile(path)
    writing = Journal(file)
    writing.feed(b"1\n2\n")
    following = journal.follow({"unit": path}, tail=1)
    assert next(following).text == "2"
    writing.feed(b"3\n")
    assert next(following).text == "3"
    file.close()
