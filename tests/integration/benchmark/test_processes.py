"""Servers as child processes, with real processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmark import processes
from benchmark.processes import ServerFailed

SERVE = "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', {port})); s.listen(); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PARENT = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"


def running(code: str, folder: Path):
    return processes.running("server", [sys.executable, "-c", code], os.environ, folder / "log", folder)


def wait_until(condition, what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"not within 20 s: {what}"
        time.sleep(0.01)


def test_a_server_ends_with_its_block(tmp_path) -> None:
    with running("import time; time.sleep(60)", tmp_path) as server:
        assert server.process.is_running()
    assert not server.process.is_running()


def test_a_server_that_ignores_sigterm_ends_all_the_same(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.5)
    with running(STUBBORN, tmp_path) as server:
        wait_until(lambda: "up" in server.last_lines(), "the server ignores SIGTERM")
    assert not server.process.is_running()


def test_children_of_a_server_end_and_count_with_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.5)
    with running(PARENT.format(child=STUBBORN), tmp_path) as server:
        wait_until(lambda: "up" in server.last_lines(), "the child is up")
        (child,) = server.process.children(recursive=True)
        both = server.usage()
        assert both.rss > server.process.memory_info().rss
        assert both.peak_rss >= both.rss
        assert both.cpu_seconds > 0
    assert not psutil.pid_exists(child.pid) or child.status() == psutil.STATUS_ZOMBIE


def test_a_server_that_ends_before_it_is_ready_is_an_error_with_its_last_lines(tmp_path) -> None:
    with (
        running("raise SystemExit('no such model')", tmp_path) as server,
        pytest.raises(ServerFailed, match="server ended with 1:\nno such model"),
    ):
        processes.wait_ready(server, lambda: False)


def test_a_server_that_is_never_ready_is_an_error(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(processes, "READY_SECONDS", 0.2)
    with (
        running("import time; time.sleep(60)", tmp_path) as server,
        pytest.raises(ServerFailed, match="was not ready after"),
    ):
        processes.wait_ready(server, lambda: False)


def test_an_interrupt_waits_until_a_process_is_known_and_then_ends_it(tmp_path, monkeypatch) -> None:
    started: list[psutil.Popen] = []

    class Interrupted(psutil.Popen):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)
            started.append(self)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(psutil, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt), running("import time; time.sleep(60)", tmp_path):
        pass
    assert not started[0].is_running()


def test_free_ports_differ_and_can_be_taken(tmp_path) -> None:
    ports = processes.free_ports(5)
    assert len(set(ports)) == 5
    with running(SERVE.format(port=ports[0]), tmp_path) as server:
        wait_until(lambda: bool(server.process.net_connections()), "the port is taken")
