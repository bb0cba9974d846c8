"""Servers as child processes: started, waited for, measured with their children, and ended by their PIDs."""

import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

STOP_SECONDS = 10.0
READY_SECONDS = 60.0
_PORTS = (18000, 32000)
INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


class ServerFailed(Exception):
    """A server ended or did not become ready; the message ends with the last lines of its log."""


@dataclass(frozen=True)
class Server:
    """A running server and where its output goes."""

    name: str
    command: tuple[str, ...]
    process: psutil.Popen
    log: Path
    started: float

    def usage(self) -> "Usage":
        """What the process and its children used up to now."""
        return _usage(self.process)

    def last_lines(self, count: int = 8) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-count:])


@dataclass(frozen=True)
class Usage:
    """CPU seconds since the start, resident bytes now, and the most that ever were; summed over a process tree."""

    cpu_seconds: float
    rss: int
    peak_rss: int


@contextmanager
def running(
    name: str, command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path
) -> Iterator[Server]:
    """A server for the length of a `with`, in a session of its own: Ctrl-C reaches only us, and we end it."""
    with ExitStack() as stack:
        with log.open("wb") as output, uninterrupted():
            process = psutil.Popen(
                list(command),
                env=dict(environment),
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            stack.callback(stop, process)
        yield Server(name, tuple(command), process, log, time.monotonic())


@contextmanager
def uninterrupted() -> Iterator[None]:
    """SIGINT and SIGTERM wait until the block is left, so that a process is never started and then forgotten."""
    came: list[int] = []
    usual = {number: signal.signal(number, lambda got, _frame: came.append(got)) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        for got in came[:1]:
            signal.raise_signal(got)


def stop(process: psutil.Popen) -> None:
    """SIGTERM to the process, SIGKILL to whatever of its tree is left after STOP_SECONDS. Nothing else is touched."""
    with uninterrupted():
        tree = _tree(process)
        with suppress(psutil.NoSuchProcess):
            process.terminate()
        _, left = psutil.wait_procs(tree, timeout=STOP_SECONDS)
        for straggler in left:
            with suppress(psutil.NoSuchProcess):
                straggler.kill()
        psutil.wait_procs(left, timeout=STOP_SECONDS)


def wait_ready(server: Server, ready: Callable[[], bool], pause: float = 0.01) -> float:
    """Seconds from the start of the process until `ready()`.

    Raises:
        ServerFailed: it ended, or READY_SECONDS passed.
    """
    while not ready():
        waited = time.monotonic() - server.started
        if server.process.poll() is not None:
            raise ServerFailed(f"{server.name} ended with {server.process.returncode}:\n{server.last_lines()}")
        if waited > READY_SECONDS:
            raise ServerFailed(f"{server.name} was not ready after {waited:.0f} s:\n{server.last_lines()}")
        time.sleep(pause)
    return time.monotonic() - server.started


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of the loopback address that were free a moment ago: the SDKs' servers cannot say which one they took.

    They are below those that the system gives to clients: any connection could take one of these until a server is up.
    """
    with ExitStack() as stack:
        found: list[int] = []
        while len(found) < count:
            each = stack.enter_context(socket.socket())
            port = random.randrange(*_PORTS)  # noqa: S311  # no secret
            with suppress(OSError):
                each.bind(("127.0.0.1", port))
                found.append(port)
        return tuple(found)


def _tree(process: psutil.Popen) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [process]


def _usage(process: psutil.Popen) -> Usage:
    cpu, rss, peak = 0.0, 0, 0
    for member in _tree(process):
        with suppress(psutil.NoSuchProcess):
            times = member.cpu_times()
            resident = member.memory_info().rss
            cpu += times.user + times.system
            rss += resident
            peak += _high_water_mark(member.pid) or resident
    return Usage(cpu, rss, peak)


def _high_water_mark(pid: int) -> int:
    """Linux keeps the peak itself, in /proc/PID/status as VmHWM; elsewhere 0."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
