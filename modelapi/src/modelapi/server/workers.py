"""`--workers N`: N processes on the same two ports, and the process that looks after them.

Each worker runs the user's program from its beginning (the same command line, with the variables below), so that models
need not be picklable, no library is forked, and every worker has the predictor's configuration and the log
configuration. The kernel spreads connections over the workers (SO_REUSEPORT). The parent holds both addresses without
listening: a port that is taken is found before any worker starts, and port 0 means the same port for all of them.
"""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from modelapi.config import ServerConfig
from modelapi.errors import AddressTaken, WorkersFailed

logger = logging.getLogger(__name__)

NUMBER = "MODELAPI_WORKER"
HTTP_PORT = "MODELAPI_WORKER_HTTP_PORT"
GRPC_PORT = "MODELAPI_WORKER_GRPC_PORT"
LIFELINE = "MODELAPI_WORKER_LIFELINE"
METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own name

_POLL_SECONDS = 0.1
_SHORT_LIFE_SECONDS = 10.0
_SHORT_LIVES = 3
_BACK_OFF_SECONDS = 1.0
_KILL_AFTER_SECONDS = 10.0  # on top of the grace period


@dataclass(frozen=True)
class Place:
    """What a worker was told by its parent."""

    number: int
    http_port: int
    grpc_port: int
    lifeline: int

    def apply(self, config: ServerConfig) -> ServerConfig:
        """The settings with the ports that all workers share."""
        return replace(config, http_port=self.http_port, grpc_port=self.grpc_port)


def place_of(environ: Mapping[str, str]) -> Place | None:
    """This process's place, if it is a worker."""
    if NUMBER not in environ:
        return None
    return Place(*(int(environ[name]) for name in (NUMBER, HTTP_PORT, GRPC_PORT, LIFELINE)))


def supervise(config: ServerConfig) -> None:
    """Run the workers until SIGTERM or SIGINT, start again those that die, and end with all of them.

    Raises:
        AddressTaken: a port is in use.
        WorkersFailed: a worker ends again and again soon after its start.
    """
    with contextlib.ExitStack() as stack:
        http_port = stack.enter_context(_held(config.host, config.http_port, "--http_port"))
        grpc_port = (
            stack.enter_context(_held(config.host, config.grpc_port, "--grpc_port")) if config.enable_grpc else 0
        )
        metrics_dir = stack.enter_context(tempfile.TemporaryDirectory(prefix="modelapi-metrics-"))
        lifeline = stack.enter_context(_lifeline())
        environ = {
            **os.environ,
            HTTP_PORT: str(http_port),
            GRPC_PORT: str(grpc_port),
            LIFELINE: str(lifeline),
            METRICS_DIR: metrics_dir,
        }
        logger.info("%d workers on %s: REST %d, gRPC %d", config.workers, config.host, http_port, grpc_port)
        _Supervisor(config, lambda number: _start(number, environ, lifeline)).run()


def _start(number: int, environ: Mapping[str, str], lifeline: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, *sys.orig_argv[1:]]
    return subprocess.Popen(
        command, env={**environ, NUMBER: str(number)}, pass_fds=(lifeline,), stdin=subprocess.DEVNULL
    )


@dataclass
class _Worker:
    process: "subprocess.Popen[bytes]"
    started: float
    short_lives: int = 0


class _Supervisor:
    """Keeps `workers` processes running."""

    def __init__(self, config: ServerConfig, start: Callable[[int], "subprocess.Popen[bytes]"]) -> None:
        self._config = config
        self._start = start
        self._workers: dict[int, _Worker] = {}
        self._stopping = False

    def run(self) -> None:
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            for number in range(self._config.workers):
                self._workers[number] = _Worker(self._start(number), time.monotonic())
            while not self._stopping:
                self._look()
                time.sleep(_POLL_SECONDS)
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def _look(self) -> None:
        """Start again whoever ended; WorkersFailed if that has become a habit."""
        for number, worker in self._workers.items():
            code = worker.process.poll()
            if code is None or self._stopping:
                continue
            short = time.monotonic() - worker.started < _SHORT_LIFE_SECONDS
            lives = worker.short_lives + 1 if short else 0
            if lives >= _SHORT_LIVES or (short and code == 1):
                raise WorkersFailed(number, code)
            logger.error("worker %d ended with %d; it is started again", number, code)
            time.sleep(_BACK_OFF_SECONDS * lives)
            self._workers[number] = _Worker(self._start(number), time.monotonic(), lives)

    def _end(self) -> None:
        """Ask all to end; kill who has not, some time after the grace period."""
        running = [worker.process for worker in self._workers.values() if worker.process.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + self._config.grace_period + _KILL_AFTER_SECONDS
        for process in running:
            try:
                process.wait(max(deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def _held(host: str, port: int, flag: str) -> Iterator[int]:
    """An address kept for workers that listen on it with SO_REUSEPORT; AddressTaken if another program has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:  # without SO_REUSEPORT: a sharer would be silent
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            port = probe.getsockname()[1]
        held = socket.socket(family, socket.SOCK_STREAM)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((host, port))
    except OSError as exc:
        raise AddressTaken(host, port, flag, exc.strerror) from exc
    with held:
        yield port


@contextlib.contextmanager
def _lifeline() -> Iterator[int]:
    """A pipe that ends when this process does, however it does: workers hold the other end, and stop then."""
    reader, writer = os.pipe()
    try:
        yield reader
    finally:
        os.close(writer)
        os.close(reader)
