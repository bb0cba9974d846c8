from __future__ import annotations

import pytest

from isvc.plan.units import Directory, Port, Word
from isvc.plan.words import bound, expand, flag_value, includes, program_word, word

MODELS = Directory("models")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", ("plain",)),
        ("", ("",)),
        ("/mnt/models", (MODELS,)),
        ("/mnt/models/", (MODELS, "/")),
        ("--store=/mnt/models/a,/mnt/models/b", ("--store=", MODELS, "/a,", MODELS, "/b")),
        ("/mnt/models2", ("/mnt/models2",)),
        ("/mnt/models-old", ("/mnt/models-old",)),
        ("$(port:http)", ("$(port:http)",)),
    ],
)
def test_the_models_folder_is_left_open_wherever_it_stands(text: str, expected: Word) -> None:
    assert word(text, MODELS) == expected


def test_a_programs_ports_are_left_open_too() -> None:
    assert program_word("--port=$(port:http)", MODELS) == ("--port=", Port("http"))
    assert program_word("/mnt/models", MODELS) == (MODELS,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)/$(B)", "1/2"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(A)", "$(A)"),
        ("$A ${A}", "$A ${A}"),
        ("costs $", "costs $"),
    ],
)
def test_references_are_expanded_as_kubernetes_does(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expected


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--workers", "2"], True),
        (["--workers=2"], True),
        (["--workers_foo"], True),
        (["--model-name", "x"], False),
        (["x --workers"], False),
        ([], False),
    ],
)
def test_a_flag_counts_as_present_when_an_argument_starts_with_it(arguments: list[str], found: bool) -> None:
    assert includes(arguments, "--workers") is found


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["--a", "1"], "1"),
        (["--a=1"], "1"),
        (["--a=1", "--a", "2"], "2"),
        (["--a="], ""),
        (["--a"], None),
        (["--ab=1"], None),
        ([], None),
    ],
)
def test_a_flags_value_is_read_in_both_forms_and_the_last_wins(arguments: list[str], value: str | None) -> None:
    assert flag_value(arguments, "--a") == value


def test_values_of_flags_are_bound_in_both_forms_and_the_rest_is_left() -> None:
    words = bound(["x", "--p", "1", "--p=2", "--q=3", "--p"], {"--p": lambda _: (Port("http"),)}, lambda text: (text,))
    assert list(words) == [("x",), ("--p",), (Port("http"),), ("--p=", Port("http")), ("--q=3",), ("--p",)]
