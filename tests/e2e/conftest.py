"""The stacks that the tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.stack import YAMLS, Stack
from isvc.backends.compose import engine


@pytest.fixture(scope="session", params=["process", pytest.param("compose", marks=pytest.mark.docker)])
def backend(request: pytest.FixtureRequest) -> str:
    """Every test of this folder that asks for a stack runs once with each. In CI a missing engine is a failure."""
    problem = engine.problem() if request.param == "compose" else None
    if problem is not None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(problem)
    return str(request.param)


@pytest.fixture(scope="session")
def stack(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Both example services, up and answering."""
    running = Stack(tmp_path_factory.mktemp("stack"), backend, f"e2e-{backend}-{os.getpid()}")
    try:
        running.up(*YAMLS.values())
        yield running
    finally:
        running.isvc("down", "--volumes")


@pytest.fixture
def fresh(backend: str, tmp_path: Path) -> Iterator[Stack]:
    """A project in which nothing runs yet."""
    empty = Stack(tmp_path / "state", backend, f"e2e-fresh-{os.getpid()}")
    yield empty
    empty.isvc("down", "--volumes")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many tests each backend passed: the two numbers are to be equal."""
    passed = [report.nodeid for report in terminalreporter.getreports("passed") if report.when == "call"]
    counts = {name: sum(f"[{name}" in node for node in passed) for name in ("process", "compose")}
    if any(counts.values()):
        terminalreporter.write_line("end-to-end tests passed: " + ", ".join(f"{n} on {b}" for b, n in counts.items()))
