"""Unit tests open no socket: whoever tries is told so, and where such a test belongs."""

from __future__ import annotations

import socket
from typing import Any, NoReturn

import pytest


def _refuse(self: socket.socket, address: Any, *_: Any) -> NoReturn:
    raise AssertionError(f"a unit test opened a socket to {address!r}; tests with sockets live in tests/integration")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("connect", "connect_ex", "bind"):
        monkeypatch.setattr(socket.socket, name, _refuse)
