"""Unit tests open no socket: whoever tries is told so, and where such a test belongs."""

from __future__ import annotations

import socket
from typing import Any, NoReturn

import pytest
from hypothesis import settings

# A busy machine is no failure: hypothesis fails a test whose example takes 0.2 s.
settings.register_profile("kserve-local", deadline=None)
settings.load_profile("kserve-local")


def _refuse(self: socket.socket, address: Any, *_: Any) -> NoReturn:
    raise AssertionError(f"a unit test opened a socket to {address!r}; tests with sockets live in tests/integration")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("connect", "connect_ex", "bind"):
        monkeypatch.setattr(socket.socket, name, _refuse)
