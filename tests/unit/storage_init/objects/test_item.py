import pytest

from storage_init.errors import AddressInvalid, SourceNotFound, SourceRefused
from storage_init.objects import patterns
from storage_init.objects.item import Item, sound, version


def item(name: str, size: int = 1, etag: str = "v", folder: bool = False) -> Item:
    return Item(name, name, size, etag, folder=folder)


def test_the_marker_of_a_folder_is_no_file_and_our_own_records_are_left_out() -> None:
    found = sound([item("1", 0), item("1/model"), item("empty", 0), item(".storage-init.json")], "s3://b/m")
    assert [one.name for one in found] == ["1/model", "empty"]


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "a\0b", ""])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(SourceRefused, match="cannot be a file's name"):
        sound([item(name)], "s3://b/m")


def test_a_file_and_a_folder_of_one_name_are_refused() -> None:
    with pytest.raises(SourceRefused, match="both an object 'a'"):
        sound([item("a"), item("a/b")], "s3://b/m")


def test_only_folders_are_no_model() -> None:
    with pytest.raises(SourceNotFound):
        sound([item("a", 0, folder=True)], "s3://b/m")


def test_the_version_of_all_changes_with_any_and_is_empty_where_one_has_none() -> None:
    known = version([item("a"), item("b")])
    assert known == version([item("b"), item("a")])
    assert (
        len({known, version([item("a")]), version([item("a"), item("b", 2)]), version([item("a"), item("b", 1, "w")])})
        == 4
    )
    assert version([item("a"), item("b", 1, "")]) == ""


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, ["a.onnx", "b/c.json", "b/d.bin"]),
        ({"STORAGE_ALLOW_PATTERNS": '["*.onnx", "b/*"]'}, ["a.onnx", "b/c.json", "b/d.bin"]),
        ({"STORAGE_ALLOW_PATTERNS": "*.onnx, *.json"}, ["a.onnx", "b/c.json"]),
        ({"STORAGE_IGNORE_PATTERNS": "*.bin"}, ["a.onnx", "b/c.json"]),
        ({"STORAGE_ALLOW_PATTERNS": "b/*", "STORAGE_IGNORE_PATTERNS": '["*.bin"]'}, ["b/c.json"]),
    ],
)
def test_patterns_choose(environment: dict[str, str], wanted: list[str]) -> None:
    chosen = patterns.read(environment)
    assert [name for name in ["a.onnx", "b/c.json", "b/d.bin"] if chosen.want(name)] == wanted


@pytest.mark.parametrize("text", ["[", "[1]"])
def test_patterns_that_cannot_be_read_are_said(text: str) -> None:
    with pytest.raises(AddressInvalid, match="STORAGE_ALLOW_PATTERNS"):
        patterns.read({"STORAGE_ALLOW_PATTERNS": text})
