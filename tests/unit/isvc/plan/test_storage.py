from __future__ import annotations

import pytest

from isvc.errors import Place, PlanError
from isvc.plan.storage import initializer, source
from isvc.plan.units import Directory, Folder
from isvc.settings import Settings, StorageMapping

PLACE = Place("x.yaml", 3, "spec.predictor.model.storageUri")
SETTINGS = Settings(
    storage=(
        StorageMapping("gs://bucket", "/sample/all", "all"),
        StorageMapping("gs://bucket/deep/", "/sample/deep/", "deep/"),
        StorageMapping("s3://mirror/", "https://example.com/mirror/", "https://example.com/mirror/"),
        StorageMapping("pvc://claim/", "/sample/claim", "claim"),
    )
)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("gs://bucket/a", Folder("/sample/all/a")),
        ("gs://bucket/a/", Folder("/sample/all/a")),
        ("gs://bucket", Folder("/sample/all")),
        ("gs://bucket/deep/a", Folder("/sample/deep/a")),
        ("gs://bucket/deeper/a", Folder("/sample/all/deeper/a")),
        ("gs://bucket-two/a", "gs://bucket-two/a"),
        ("s3://mirror/a/b", "https://example.com/mirror/a/b"),
        ("pvc://claim/a", Folder("/sample/claim/a")),
        ("https://example.com/a.tgz", "https://example.com/a.tgz"),
        ("file:///data/a%20b", Folder("/data/a b")),
        ("/data/a", Folder("/data/a")),
    ],
)
def test_the_longest_mapping_of_whole_folders_wins(uri: str, expected: str | Folder) -> None:
    assert source(uri, SETTINGS, PLACE).location == expected


def test_the_mapping_that_was_used_is_told() -> None:
    assert source("gs://bucket/deep/a", SETTINGS, PLACE).notice == "storage: gs://bucket/deep/ -> deep/ (isvc.yaml)"
    assert source("https://example.com/a", SETTINGS, PLACE).notice == ""


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("ftp://a/b", "storageUri, must be one of: [gs:// s3:// "),
        ("gs://", "StorageUri [gs://] is not supported"),
        (" ", "is not supported"),
        ("gs://bucket/../../etc", "`..` cannot stand in an address"),
        ("gs://bucket/a/%2e%2e/b", "`..` cannot stand in an address"),
        ("pvc://other/a", "map it in isvc.yaml:  storage: {pvc://other/a: path/to/folder}"),
        ("models/a", "write a path that starts with /"),
        ("file://models/a", "write a path that starts with /"),
    ],
)
def test_an_address_that_cannot_be_fetched_is_refused_with_the_mend(uri: str, said: str) -> None:
    with pytest.raises(PlanError) as caught:
        source(uri, SETTINGS, PLACE)
    assert said in caught.value.message
    assert caught.value.place == PLACE


def test_the_initializer_gets_kserves_arguments() -> None:
    unit = initializer("a-storage-initializer", source("gs://bucket/a", SETTINGS, PLACE), Directory("models"))
    assert unit.command == (("storage-init",), (Folder("/sample/all/a"),), (Directory("models"),))
    assert unit.probe is None
