"""TorchServe stores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from predictor_mock.errors import BrokenModel, NothingToServe
from predictor_mock.layouts import torchserve
from predictor_mock.sources import ArchiveSource

from ..conftest import Write


def snapshot(**models: object) -> str:
    return "model_store=/mnt/models/model-store\nmodel_snapshot=" + json.dumps(
        {"name": "startup.cfg", "models": models}
    )


def test_the_snapshot_names_the_models(write: Write, tmp_path: Path) -> None:
    write("model-store/mnist.mar")
    write("model-store/unused.mar")
    write("config/config.properties", snapshot(digits={"1.0": {"marName": "mnist.mar"}}))

    assert torchserve.models(tmp_path) == (ArchiveSource("digits", tmp_path / "model-store/mnist.mar", "1.0"),)


def test_the_default_version_is_served(write: Write, tmp_path: Path) -> None:
    for name in ("a.mar", "b.mar", "c.mar"):
        write(f"model-store/{name}")
    versions = {"1": {"marName": "a.mar"}, "2": {"marName": "b.mar", "defaultVersion": True}, "3": {"marName": "c.mar"}}
    write("config/config.properties", snapshot(m=versions))

    assert torchserve.models(tmp_path) == (ArchiveSource("m", tmp_path / "model-store/b.mar", "2"),)


@pytest.mark.parametrize("settings", [None, "inference_address=http://0.0.0.0:8085\nload_models=all\n"])
def test_without_a_snapshot_every_archive_is_served_under_its_files_name(
    write: Write, tmp_path: Path, settings: str | None
) -> None:
    write("model-store/b.mar")
    write("model-store/a.mar")
    if settings is not None:
        write("config/config.properties", settings)

    assert torchserve.recognises(tmp_path)
    assert [source.name for source in torchserve.models(tmp_path)] == ["a", "b"]


def test_the_store_is_looked_for_beside_the_settings_whatever_path_a_container_has(
    write: Write, tmp_path: Path
) -> None:
    write("store/a.mar")
    write("config/config.properties", "model_store = /somewhere/else/store\n")

    assert torchserve.models(tmp_path) == (ArchiveSource("a", tmp_path / "store/a.mar"),)


@pytest.mark.parametrize(
    "text",
    [
        "model_snapshot={",
        "model_snapshot={}",
        'model_snapshot={"models": []}',
        'model_snapshot={"models": {"m": {"1": {}}}}',
    ],
)
def test_a_snapshot_of_another_form_is_shown_the_right_one(write: Write, tmp_path: Path, text: str) -> None:
    write("config/config.properties", text)

    with pytest.raises(BrokenModel, match=r"config\.properties: model_snapshot is not of the form"):
        torchserve.models(tmp_path)


def test_an_archive_that_is_named_and_missing_is_named(write: Write, tmp_path: Path) -> None:
    write("config/config.properties", snapshot(m={"1": {"marName": "../m.mar"}}))

    with pytest.raises(BrokenModel, match=r"model-store/m\.mar: missing; config\.properties names it"):
        torchserve.models(tmp_path)


def test_a_model_without_versions_and_a_store_without_archives_are_named(write: Write, tmp_path: Path) -> None:
    write("config/config.properties", snapshot(m={}))
    with pytest.raises(BrokenModel, match="names no version of 'm'"):
        torchserve.models(tmp_path)

    write("config/config.properties", "")
    with pytest.raises(NothingToServe, match=r"there is no \*\.mar in it"):
        torchserve.models(tmp_path)


def test_properties_are_read_as_java_does_where_torchserve_needs_it() -> None:
    text = '# a comment\n! another\n a = 1 \nlong=one\\\ntwo\nno equals\nb={"x":"y=z"}\n'

    assert torchserve.properties(text) == {"a": "1", "long": "onetwo", "b": '{"x":"y=z"}'}
