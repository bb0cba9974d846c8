"""Ports of 127.0.0.1: finding free ones, and who holds one that is not."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection

import psutil

from isvc.backends.records import Wanted
from isvc.errors import PortTaken, StackError

HOST = "127.0.0.1"
DEFAULT_INGRESS_PORT = 8080
_RANGE = range(20000, 30000)
"""Below what Linux and macOS hand out to outgoing connections, so that none of those takes a port between our choosing
it and the unit's listening on it."""


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a connection that is still winding down does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose(taken: Collection[int]) -> int:
    """A port that nothing listens on and that is not in `taken`."""
    for port in random.sample(_RANGE, 200):
        if port not in taken and is_free(port):
            return port
    raise StackError(f"no free port found between {_RANGE.start} and {_RANGE.stop} of {HOST}")


def of_ingress(asked: int | None, before: Wanted, *, running: bool) -> int:
    """The port for the ingress: the one that a `running` one has, else the one `asked` for; 0 takes any free one.

    Raises PortTaken.
    """
    if running and asked in (None, 0, before.ingress_port):
        return before.ingress_port
    if asked == 0:
        return choose(())
    usual = before.ingress_port if before.services else DEFAULT_INGRESS_PORT
    port = usual if asked is None else asked
    if not is_free(port):
        raise PortTaken(port, holder(port) or "another program")
    return port


def holder(port: int) -> str | None:
    """Name and PID of the process that listens on `port`, where the system tells us."""
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        pids = [c.pid for c in listening if c.pid and c.laddr and c.laddr.port == port]
        return f"{psutil.Process(pids[0]).name()} (PID {pids[0]})" if pids else None
    except psutil.Error:
        return None
