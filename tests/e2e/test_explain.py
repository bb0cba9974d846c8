"""What `isvc explain` shows of both examples is what runs, read back from the processes and from the engine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import psutil
import pytest

from e2e.stack import YAMLS, Stack

pytestmark = pytest.mark.e2e

INJECTED = {"model-name", "predictor-host", "http-port", "service-name", "service-name-predictor", "models", "port-80"}


@dataclass(frozen=True)
class Found:
    """One unit, as the operating system or the engine tells of it."""

    argv: Sequence[str]
    environment: Mapping[str, str | None]
    folders: Mapping[str, bool]
    """Where a folder is mounted, and whether it can be written to there."""


@pytest.fixture(params=YAMLS)
def told(request: pytest.FixtureRequest, stack: Stack) -> dict[str, Any]:
    (service,) = json.loads(stack.isvc("explain", YAMLS[request.param], "-o", "json").stdout)
    return dict(service)


def test_what_is_shown_is_what_runs(stack: Stack, told: dict[str, Any]) -> None:
    running = _processes(stack) if stack.backend == "process" else _containers(stack)
    looked_at = []
    for unit in told["units"]:
        if stack.backend == "process" and unit["component"] == "storage-initializer":
            continue  # it has ended, and nothing tells of it any more
        argv = tuple(unit["argv"])
        found = next(one for one in running if _is_run_by(argv, one, stack.backend))
        assert {name: found.environment.get(name) for name in unit["environment"]} == unit["environment"]
        if stack.backend == "compose":
            assert found.folders == {path: path not in unit["readOnly"] for path in unit["folders"]}
        for folder in unit["folders"].values() if stack.backend == "process" else ():
            assert Path(folder).is_dir()
        looked_at.append(unit["component"])
    assert {"predictor", "transformer"} <= set(looked_at)


def test_every_injected_item_is_shown_with_its_rule_and_its_file(told: dict[str, Any]) -> None:
    rows = [row for container in told["containers"] for row in container["rows"]]
    injected = [row for row in rows if row["kserve"] and not row["yaml"]]
    written = any(row["name"] == "--model_name" and row["yaml"] for row in rows)
    assert {row["rule"] for row in injected} >= INJECTED - ({"model-name"} if written else set())
    assert all(row["says"] and row["source"].startswith("pkg/") for row in injected)
    shown_here = [row for row in rows if row["kind"] in ("argument", "variable", "mount") and row["here"]]
    assert all(row["deviation"] for row in shown_here if row["here"] != row["kserve"])


def _is_run_by(argv: tuple[str, ...], found: Found, backend: str) -> bool:
    """A container ends with these words, behind what its image starts with.

    A process has those behind its program, which was found when it started; Triton's, which has become the server
    itself, some of the server's own after them.
    """
    if backend == "compose":
        return tuple(found.argv[-len(argv) :]) == argv
    words = argv[1:]
    return any(tuple(found.argv[at : at + len(words)]) == words for at in range(len(found.argv)))


def _processes(stack: Stack) -> list[Found]:
    pids = [row.pid for row in stack.units().values() if row.pid]
    found = [psutil.Process(pid) for pid in pids]
    return [Found(one.cmdline(), one.environ(), {}) for one in found]


def _containers(stack: Stack) -> list[Found]:
    every = docker.from_env().containers.list(all=True)
    return [_inspected(one.attrs) for one in every if str(one.name).startswith(f"isvc-{stack.project}-")]


def _inspected(attributes: Mapping[str, Any]) -> Found:
    config = attributes["Config"]
    variables = dict(text.split("=", 1) for text in config["Env"] or ())
    argv = [*(config["Entrypoint"] or ()), *(config["Cmd"] or ())]
    return Found(argv, variables, {mount["Destination"]: mount["RW"] for mount in attributes["Mounts"]})
