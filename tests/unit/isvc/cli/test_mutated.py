"""`isvc up` of 200 spoilt YAMLs: exit code 2 and the place, each time; no traceback, and nothing is started."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from isvc.cli import main

CASES = sorted((Path(__file__).parents[1] / "golden/cases").glob("*.yaml"))
COUNT = 200


def _texts() -> list[str]:
    found = (file.read_text().partition("---\nexpect:\n") for file in CASES)
    return [text for text, _, expected in found if "  error:" not in expected]


def _spoil(value: Any, chance: random.Random) -> None:
    """A key misspelt, moved to another mapping, of the wrong type, or removed."""
    places = list(_places(value))
    holder, key = chance.choice(places)
    kind = chance.choice(("misspelt", "moved", "wrong", "removed"))
    old = holder.pop(key)
    if kind == "misspelt":
        holder[f"{key}x"] = old
    elif kind == "moved":
        chance.choice(places)[0][key] = old
    elif kind == "wrong":
        holder[key] = [{"x": 1}] if not isinstance(old, list) else "x"


def _places(value: Any) -> Any:
    if isinstance(value, dict):
        yield from ((value, key) for key in value)
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _places(child)


def test_a_spoilt_yaml_is_exit_code_2_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "isvc.yaml"
    (tmp_path / "own").mkdir()
    names = ("transformer", "predictor", "side", "init")
    settings.write_text(yaml.safe_dump({"storage": {"gs://bucket/": "b"}, "images": {f"my/{n}": "own" for n in names}}))
    chance, texts, refused = random.Random(7), _texts(), 0
    file, state = tmp_path / "service.yaml", tmp_path / "state"
    while refused < COUNT:
        documents = list(yaml.safe_load_all(chance.choice(texts)))
        _spoil(documents[0], chance)
        file.write_text(yaml.safe_dump_all(documents))
        # `explain` reads and plans as `up` does, and starts nothing where the change left the YAML right.
        arguments = [str(file), "--settings", str(settings), "--state-dir", str(state)]
        if main(["explain", *arguments]) == 0:
            capsys.readouterr()
            continue
        refused += 1
        capsys.readouterr()
        assert main(["up", *arguments, "--backend", "process", "--real", "0"]) == 2, file.read_text()
        told = capsys.readouterr().err
        assert told.startswith(f"isvc: {file}"), told
        assert "Traceback" not in told
        assert not state.exists()
