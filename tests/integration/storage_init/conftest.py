"""A real HTTP server that can be slow, silent or brief, and the storage initializer as a process of its own."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE = 60.0
"""Seconds that anything here may take; nothing is expected to need a tenth of it."""


class Store(http.server.ThreadingHTTPServer):
    """Serves `objects`. `/cut/<name>` ends half way, `/hang/<name>` goes silent half way until `release`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.release = threading.Event()
        self.pause = 0.0
        """Seconds between pieces of 64 KiB."""

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Store

    def do_GET(self) -> None:
        kind, _, name = self.path.partition("?")[0].strip("/").rpartition("/")
        body = self.server.objects.get(name)
        if body is None:
            self.send_error(404)
            return
        etag = f'"{hash(body)}"'
        if self.headers.get("if-none-match") == etag:
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.send_header("etag", etag)
        self.end_headers()
        whole = kind not in ("cut", "hang")
        for start in range(0, len(body) if whole else len(body) // 2, 65536):
            self.wfile.write(body[start : start + 65536])
            time.sleep(self.server.pause)
        if kind == "hang":
            self.server.release.wait(PATIENCE)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    serving = threading.Thread(target=store.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    try:
        yield store
    finally:
        store.release.set()
        store.shutdown()
        serving.join(PATIENCE)
        store.server_close()


WITHIN = """
import sys
from storage_init import cli, destination
destination._mounted = lambda folder: True
sys.exit(cli.main())
"""
"""The command, to which every folder is a mount point: a real one takes root to make."""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start storage-init; whatever still runs at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str | Path, within: bool = False) -> subprocess.Popen[str]:
        program = ["-c", WITHIN] if within else ["-m", "storage_init"]
        command = [sys.executable, *program, *map(str, arguments)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=PATIENCE)


def finish(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """The exit code, and the lines on standard error."""
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, errors.splitlines()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s for {what}"
        time.sleep(0.005)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file in `folder` but the initializer's own."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(".storage-init.")
    }
