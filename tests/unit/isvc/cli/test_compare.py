from pathlib import Path

import pytest

from isvc.cli.compare import arguments, checkout, where
from isvc.cli.options import parser
from isvc.errors import InputError
from isvc.server.exchange import Ingress


def test_without_a_name_the_program_brings_up_what_it_needs():
    assert arguments(parser().parse_args(["compare", "--quick", "--check"]), {}) == ["--quick", "--check"]


def test_a_named_service_is_the_target(stack, service):
    (found,) = stack(service()).services
    place = where(found, Ingress("127.0.0.1", 8080))
    given = arguments(parser().parse_args(["compare", found.plan.name]), place)
    assert given[:2] == ["--target", "http://127.0.0.1:8080"]
    assert given[given.index("--service-host") + 1] == found.plan.host
    assert given[given.index("--model") + 1] == found.plan.model_name


def test_what_is_said_wins_and_files_are_those_of_this_folder():
    options = parser().parse_args(["compare", "-i", "cat.png", "--model", "other"])
    given = arguments(options, {"model": "mnist"})
    assert given == ["--model", "other", "--input", str(Path.cwd() / "cat.png")]


def test_the_program_is_found_from_any_folder_of_the_checkout(tmp_path):
    program = tmp_path / "benchmark/compare/__main__.py"
    program.parent.mkdir(parents=True)
    program.touch()
    (tmp_path / "a/b").mkdir(parents=True)
    assert checkout(tmp_path / "a/b") == tmp_path


def test_no_program_is_said_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr("isvc.cli.compare.__file__", str(tmp_path / "compare.py"))
    with pytest.raises(InputError, match="checkout"):
        checkout(tmp_path)
