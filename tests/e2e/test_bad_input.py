"""YAML that cannot run, and stacks that cannot start: the exit code, the place, the mend, and nothing left running."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from e2e.stack import CIFAR10, MNIST, ROOT, YAMLS, Done, Stack

pytestmark = pytest.mark.e2e

GOOD = YAMLS[MNIST].read_text()


def settings(bucket: Path) -> str:
    """An isvc.yaml for `GOOD`, with this folder as the bucket."""
    return (
        f"storage: {{'gs://kfserving-examples/': {bucket}}}\nimages: {{kserve/image-transformer: {ROOT}/transformer}}\n"
    )


def up(stack: Stack, folder: Path, text: str, mapping: str | None = None) -> Done:
    """`isvc up` of a YAML of this text, that must not leave anything behind."""
    yaml = folder / "service.yaml"
    yaml.write_text(text)
    words: list[object] = [yaml, "--backend", stack.backend, "--ingress-port", 0]
    if mapping is not None:
        (folder / "settings.yaml").write_text(mapping)
        words += ["--settings", folder / "settings.yaml"]
    done = stack.isvc("up", *words, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    assert not stack.leftovers()
    return done


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("modelFormat", "modelFromat", "modelFormat"),
        ("kind: InferenceService", "kind: InferenceServices", "InferenceService"),
        ("storageUri: gs://", "storageUri: ftp://", "storageUri"),
        ("name: pytorch", "name: pytorhc", "no runtime found to support predictor with model type"),
        ("kserve/image-transformer", "kserve/no-such-transformer", "isvc.yaml"),
    ],
)
def test_a_wrong_yaml_exits_2_and_names_the_place_and_the_mend(
    fresh: Stack, tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in GOOD
    done = up(fresh, tmp_path, GOOD.replace(old, new))
    assert done.returncode == 2, done.stderr
    assert "service.yaml:" in done.stderr
    assert said in done.stderr


def test_a_yaml_without_a_predictor_exits_2(fresh: Stack, tmp_path: Path) -> None:
    text = "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: nobody}\nspec: {}\n"
    done = up(fresh, tmp_path, text)
    assert done.returncode == 2
    assert "spec" in done.stderr
    assert "predictor" in done.stderr


def test_a_model_that_is_not_there_exits_1_with_the_initializer_s_words(fresh: Stack, tmp_path: Path) -> None:
    text = GOOD.replace("image_classifier/v1", "image_classifier/v9")
    done = up(fresh, tmp_path, text, settings(ROOT / "models/bucket"))
    assert done.returncode == 1, done.stderr
    assert f"{MNIST}-storage-initializer" in done.stderr
    assert "v9" in done.stderr


def test_a_predictor_that_dies_at_start_exits_1_with_its_last_lines(fresh: Stack, tmp_path: Path) -> None:
    empty = tmp_path / "bucket/models/torchserve/image_classifier/v1"
    empty.mkdir(parents=True)
    (empty / "README").write_text("no model here")
    done = up(fresh, tmp_path, GOOD, settings(tmp_path / "bucket"))
    assert done.returncode == 1, done.stderr
    assert f"{MNIST}-predictor" in done.stderr


def test_a_taken_port_exits_1_before_anything_starts(fresh: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = fresh.up(YAMLS[CIFAR10], port=port, check=False)
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "--ingress-port" in done.stderr
    assert not fresh.leftovers()


@pytest.mark.parametrize("words", [["up"], ["up", "no-such-file.yaml"], ["fly"], ["get", "--output", "poem"]])
def test_a_wrong_command_line_exits_2(fresh: Stack, words: list[str]) -> None:
    done = fresh.isvc(*words, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
