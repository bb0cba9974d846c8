"""The client processes together: one order is shared out among them, their answers are put together."""

import base64
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import psutil

from benchmark.compare.load.connection import ANSWER_SECONDS, Target
from benchmark.compare.load.loops import GRACE
from benchmark.compare.load.worker import READY
from benchmark.compare.quantiles import Values
from benchmark.processes import stop, uninterrupted

ROOT = Path(__file__).parents[3]
START_SECONDS = 60.0
LEAD = 0.03
"""Seconds between an order and its beginning, so that all processes begin at once."""


class CrewFailed(Exception):
    """A client process ended or did not answer in time."""


@dataclass(frozen=True)
class Load:
    """What is sent: `connections` one after another, or with `rate` (requests per second) an open loop over them."""

    target: Target
    connections: int
    seconds: float
    rate: float | None = None
    seed: int = 1


@dataclass(frozen=True)
class Seen:
    """What the clients saw. Arrays are in seconds, one entry per answer; `timings` are Server-Timing headers."""

    intended: Values
    sent: Values
    ended: Values
    seconds: float
    errors: int
    faults: tuple[str, ...]
    dropped: int
    timings: tuple[str, ...]
    answer: bytes
    json_length: str
    client_cpu: float
    client_cores: float
    """The busiest client process's share of one core."""

    @property
    def latencies(self) -> Values:
        """From the intended start."""
        return self.ended - self.intended

    @property
    def uncorrected(self) -> Values:
        return self.ended - self.sent

    @property
    def rate(self) -> float:
        """Good answers a second, within the time of the load."""
        return max(0, int((self.ended <= self.seconds).sum()) - self.errors) / self.seconds


class Crew:
    """Client processes that are up."""

    def __init__(self, processes: list[psutil.Popen]) -> None:
        self._processes = processes

    @property
    def size(self) -> int:
        return len(self._processes)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    def rss(self) -> int:
        """Resident bytes of all client processes."""
        return sum(int(process.memory_info().rss) for process in self._processes)

    def send(self, load: Load) -> Seen:
        """Raises CrewFailed."""
        shares = _shares(load.connections, len(self._processes))
        busy = list(zip(self._processes, shares, strict=False))
        before = [_cpu(process) for process, _ in busy]
        begin = time.monotonic() + LEAD
        for number, (process, share) in enumerate(busy):
            _tell(process, _order(load, share, begin, number))
        limit = begin + load.seconds + GRACE + 2 * ANSWER_SECONDS
        replies = [_hear(process, limit) for process, _ in busy]
        took = time.monotonic() - begin
        used = [_cpu(process) - earlier for (process, _), earlier in zip(busy, before, strict=True)]
        return _together(replies, load.seconds, used, took)


@contextmanager
def crew(size: int, log: Path) -> Iterator[Crew]:
    """`size` client processes for the length of a `with`."""
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb"))
        processes = []
        for _ in range(size):
            with uninterrupted():
                process = psutil.Popen(
                    [sys.executable, "-m", "benchmark.compare.load.worker"],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=output,
                    start_new_session=True,
                    env={**os.environ, "GRPC_VERBOSITY": "NONE"},
                )
                stack.callback(_end, process)
            processes.append(process)
        for process in processes:
            if _line(process, time.monotonic() + START_SECONDS).strip() != READY:
                raise CrewFailed(f"a client process did not start: {log.read_text(errors='replace')[-500:]}")
        yield Crew(processes)


def _end(process: psutil.Popen) -> None:
    stop(process)
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # what was not flushed goes to a process that has ended
            pipe.close()


def _shares(connections: int, processes: int) -> list[int]:
    """Connections of each process; fewer processes where there are fewer connections."""
    processes = min(processes, connections)
    return [connections // processes + (number < connections % processes) for number in range(processes)]


def _order(load: Load, share: int, begin: float, number: int) -> dict[str, Any]:
    target = {**asdict(load.target), "body": str(load.target.body)}
    rate = load.rate * share / load.connections if load.rate is not None else None
    return {
        "target": target,
        "connections": share,
        "begin": begin,
        "seconds": load.seconds,
        "rate": rate,
        "seed": load.seed * 1000 + number,
    }


def _tell(process: psutil.Popen, order: dict[str, Any]) -> None:
    try:
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
    except OSError as exc:
        raise CrewFailed(f"a client process ended with {process.poll()}") from exc


def _hear(process: psutil.Popen, limit: float) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(_line(process, limit))
    return reply


def _line(process: psutil.Popen, limit: float) -> str:
    stream: IO[bytes] = process.stdout
    ready, _, _ = select.select([stream], [], [], max(0.0, limit - time.monotonic()))
    if not ready:
        raise CrewFailed("a client process did not answer in time")
    line = stream.readline()
    if not line:
        raise CrewFailed(f"a client process ended with {process.wait(START_SECONDS)}")
    return line.decode()


def _together(replies: list[dict[str, Any]], seconds: float, used: list[float], took: float) -> Seen:
    ended = np.concatenate([_unpacked(reply["ended"]) for reply in replies])
    return Seen(
        intended=np.concatenate([_unpacked(reply["intended"]) for reply in replies]),
        sent=np.concatenate([_unpacked(reply["sent"]) for reply in replies]),
        ended=ended,
        seconds=seconds,
        errors=sum(reply["errors"] for reply in replies),
        faults=tuple(fault for reply in replies for fault in reply["faults"]),
        dropped=sum(reply["dropped"] for reply in replies),
        timings=tuple(timing for reply in replies for timing in reply["timings"]),
        answer=base64.b64decode(replies[0]["answer"]),
        json_length=replies[0]["json_length"],
        client_cpu=sum(used),
        client_cores=max(used) / took,
    )


def _unpacked(text: str) -> Values:
    return np.frombuffer(base64.b64decode(text), dtype="<f8")


def _cpu(process: psutil.Popen) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
