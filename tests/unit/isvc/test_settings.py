from __future__ import annotations

from pathlib import Path

import pytest

from isvc import settings
from isvc.errors import SettingsError
from isvc.settings import ImageMapping, Settings, StorageMapping

TEXT = """
storage:
  gs://kfserving-examples/: models/bucket/
  s3://other/: https://mirror.example.com/other/
images:
  kserve/image-transformer: transformer/
  my/other:v1: {folder: other, command: [python, -m, other]}
"""


def _file(folder: Path, text: str = TEXT) -> Path:
    for name in ("transformer", "other"):
        (folder / name).mkdir(exist_ok=True)
    file = folder / "isvc.yaml"
    file.write_text(text)
    return file


def test_paths_are_relative_to_the_file_and_addresses_stay(tmp_path: Path) -> None:
    found = settings.load(tmp_path, _file(tmp_path))
    assert found.storage == (
        StorageMapping("gs://kfserving-examples/", str(tmp_path / "models/bucket"), "models/bucket/"),
        StorageMapping("s3://other/", "https://mirror.example.com/other/", "https://mirror.example.com/other/"),
    )
    assert found.images == (
        ImageMapping("kserve/image-transformer", str(tmp_path / "transformer"), "transformer/"),
        ImageMapping("my/other:v1", str(tmp_path / "other"), "other", ("python", "-m", "other")),
    )


def test_the_nearest_file_above_the_start_is_taken(tmp_path: Path) -> None:
    _file(tmp_path)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert settings.load(below).file == tmp_path / "isvc.yaml"
    (tmp_path / "a" / "isvc.yaml").write_text("storage: {}\n")
    assert settings.load(below).file == tmp_path / "a" / "isvc.yaml"


def test_no_file_or_an_empty_one_means_no_mappings(tmp_path: Path) -> None:
    assert settings.from_text("", tmp_path / "isvc.yaml") == Settings()
    assert settings.from_text("# nothing yet\n", tmp_path / "isvc.yaml") == Settings()


def test_the_projects_own_file_maps_what_the_examples_need() -> None:
    root = Path(__file__).parents[3]
    text = (root / "isvc.yaml").read_text()
    assert "gs://kfserving-examples/: models/bucket/" in text
    assert "kserve/image-transformer: transformer/" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("storge: {}", ":1: storge: unknown field; did you mean `storage`?"),
        ("storage: [a]", ":1: storage: is a list; it has to be a mapping"),
        ("storage: {gs://a/: 1}", "is the number 1; it has to be text"),
        ("images: {a: 1}", "is the number 1; it has to be a mapping"),
        ("images: {a: {command: [x]}}", "folder: is missing"),
        ("images:\n  a: nowhere/", ":2: images.a: there is no folder"),
        ("images: {a: {folder: other, command: []}}", "an empty command"),
        ("a: b: c", "this is not YAML"),
        ("storage: {}\n---\nstorage: {}", "more than one document"),
        ("just text", "has to be a mapping"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = _file(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        settings.load(tmp_path)
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(file))


def test_a_file_that_is_asked_for_and_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yaml: cannot be read: No such file"):
        settings.load(tmp_path, tmp_path / "nowhere.yaml")
