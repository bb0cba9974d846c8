"""Real stores, started for a test and ended after it: each is a command, and a port on which it answers."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

PATIENCE = 60.0


def free_port(host: str = "127.0.0.1") -> int:
    with socket.create_server((host, 0)) as held:
        return int(held.getsockname()[1])


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    port: int,
    log: Path,
    host: str = "127.0.0.1",
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """The address of the server that `command` starts, once it answers over HTTP."""
    with log.open("wb") as output:
        variables = {**os.environ, **(environment or {})}
        server = subprocess.Popen(list(map(str, command)), stdout=output, stderr=output, env=variables)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _answers(host, port):
            assert server.poll() is None, f"{command[0]} has ended: {log.read_text()}"
            assert time.monotonic() < deadline, f"{command[0]} does not answer: {log.read_text()}"
            time.sleep(0.05)
        yield f"http://{host}:{port}"
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/")
        return connection.getresponse().status > 0
    return False
