"""The command line."""

from __future__ import annotations

import pytest

from benchmark import __main__ as bench
from benchmark.cells import CELLS
from benchmark.rounds import Run


def run_of(*arguments: str) -> Run:
    return bench._how(bench._parser().parse_args(arguments))


def test_a_full_run_has_five_rounds_with_one_and_with_eight_connections() -> None:
    assert run_of() == Run(5, 3, (1, 8))


def test_quick_is_shorter_and_still_takes_what_is_said() -> None:
    assert run_of("--quick") == Run(3, 1, (8,))
    assert run_of("--quick", "--rounds", "7", "--connections", "4") == Run(7, 1, (4,))


@pytest.mark.parametrize(
    "arguments", [("--rounds", "0"), ("--seconds", "-1"), ("--seconds", "inf"), ("--only", "nothing"), ("--soak", "0")]
)
def test_arguments_that_make_no_sense_exit_with_2(arguments: tuple[str, ...], capsys) -> None:
    with pytest.raises(SystemExit) as exit_info:
        bench._parser().parse_args(arguments)
    assert exit_info.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_help_names_every_cell(capsys) -> None:
    with pytest.raises(SystemExit):
        bench._parser().parse_args(["--help"])
    printed = capsys.readouterr().out
    assert all(cell.name in printed for cell in CELLS)
