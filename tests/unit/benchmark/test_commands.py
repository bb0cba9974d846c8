"""Argument lists of contenders and load clients."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmark.cells import CELLS, CONTENDERS, Cell, takes_part
from benchmark.contenders import commands
from benchmark.load import driver
from benchmark.load.driver import Aim

KSERVE = Path("/kserve/bin/python")
BY_NAME = {cell.name: cell for cell in CELLS}


def arguments(contender: str, cell: Cell) -> commands.Start:
    return commands.start(contender, cell, KSERVE, "127.0.0.1:9", (1, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_both_sdks_run_the_same_program_with_the_same_arguments(cell: Cell) -> None:
    ours, theirs = arguments("modelapi", cell), arguments("kserve", cell)
    assert (ours.command[0], theirs.command[0]) == (sys.executable, str(KSERVE))
    assert (ours.environment["BENCH_SDK"], theirs.environment["BENCH_SDK"]) == ("modelapi", "kserve")
    extra = ("--predictor_encoding", "json") if cell.hop == "v2-json" else ()
    assert ours.command[1:] == theirs.command[1:] + extra


def test_the_control_is_the_same_command_as_what_it_controls() -> None:
    assert arguments("modelapi-again", CELLS[0]) == arguments("modelapi", CELLS[0])


def test_kserve_with_binary_tensors_by_hand_is_measured_where_the_hop_is_v2_rest() -> None:
    assert [cell.name for cell in CELLS if takes_part("kserve-binary", cell)] == ["v1-v2", "v1-v2-224"]
    by_hand, usual = arguments("kserve-binary", BY_NAME["v1-v2"]), arguments("kserve", BY_NAME["v1-v2"])
    assert by_hand.command == usual.command
    assert by_hand.environment == {**usual.environment, "BENCH_BINARY": "1"}


def test_the_floor_of_grpc_in_is_a_grpc_server() -> None:
    assert "benchmark.contenders.floor_grpc" in arguments("floor", BY_NAME["grpc-grpc"]).command
    assert "benchmark.contenders.floor_rest" in arguments("floor", BY_NAME["v1-grpc"]).command


def test_every_contender_gets_the_side_of_its_cell() -> None:
    for contender in CONTENDERS:
        command = arguments(contender, BY_NAME["v1-grpc-224"]).command
        assert command[command.index("--side") + 1] == "224"


def test_grpc_is_driven_by_our_own_client() -> None:
    command = driver.command(Aim("grpc", "127.0.0.1:2", "/", Path("body")), 8, 2.0)
    assert command[:3] == [sys.executable, "-m", "benchmark.load.grpc_client"]
    assert command[command.index("--target") + 1] == "127.0.0.1:2"


def test_rest_is_driven_by_wrk_where_it_is_installed(monkeypatch, tmp_path) -> None:
    aim = Aim("v1", "127.0.0.1:1", "/v1/models/picture:predict", Path("body"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "benchmark.load.rest" in driver.command(aim, 8, 2.0)
    (tmp_path / "wrk").touch(mode=0o755)
    command = driver.command(aim, 8, 2.0)
    assert command[:4] == ["wrk", "-t1", "-c8", "-d2s"]
    assert "http://127.0.0.1:1/v1/models/picture:predict" in command
