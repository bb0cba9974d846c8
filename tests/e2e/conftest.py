"""The stacks that the tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.stack import YAMLS, Stack


@pytest.fixture(scope="session", params=["process"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def stack(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Both example services, up and answering."""
    running = Stack(tmp_path_factory.mktemp("stack"), backend, f"e2e-{backend}-{os.getpid()}")
    try:
        running.up(*YAMLS.values())
        yield running
    finally:
        running.down()


@pytest.fixture
def fresh(backend: str, tmp_path: Path) -> Iterator[Stack]:
    """A project in which nothing runs yet."""
    empty = Stack(tmp_path / "state", backend, f"e2e-fresh-{os.getpid()}")
    yield empty
    empty.down()
