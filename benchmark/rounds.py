"""One cell: its contenders running side by side, loaded in turns, the order turned round by round."""

import socket
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmark import payloads, processes
from benchmark.cells import Cell, Contender, Hop, Wire
from benchmark.contenders import commands
from benchmark.environments import Say
from benchmark.load.driver import Aim, Sample, measure
from benchmark.predictors.start import MODEL, Predictor, answers
from benchmark.processes import Server

WARMUP_SECONDS = 1.0
T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """How often, how long, and with how many connections."""

    rounds: int
    seconds: float
    connections: tuple[int, ...]


@dataclass(frozen=True)
class Setting:
    """What a run stands on: the interpreter of kserve (None if it takes no part), the predictors, the requests as
    files, and a folder for logs.
    """

    kserve: Path | None
    predictor: Predictor
    v1_predictor: Predictor
    bodies: dict[Wire, Path]
    scratch: Path

    def predictor_of(self, hop: Hop) -> Predictor:
        """Triton does not speak V1."""
        return self.v1_predictor if hop == "v1" else self.predictor


@dataclass(frozen=True)
class Running:
    """A contender that is up: its server, where load goes, how long it took to be ready and what it then held."""

    contender: Contender
    server: Server
    aim: Aim
    ready_seconds: float
    ready_rss: int


@dataclass(frozen=True)
class Measured:
    """A cell's samples by contender and number of connections, one a round; and the most memory each contender took."""

    cell: Cell
    samples: dict[tuple[Contender, int], list[Sample]]
    peak_rss: dict[Contender, int]
    commands: dict[Contender, tuple[str, ...]]


def measure_cell(cell: Cell, contenders: Sequence[Contender], run: Run, setting: Setting, say: Say) -> Measured:
    """Answers are compared first; each server is warmed up by a load that is thrown away."""
    predictor = setting.predictor_of(cell.hop)
    with ExitStack() as stack:
        up = [stack.enter_context(contending(each, cell, setting)) for each in contenders]
        payloads.check_equal({each.contender: payloads.ask(each.aim) for each in up})
        for each in up:
            measure(each.aim, each.server, predictor.server, max(run.connections), WARMUP_SECONDS)
        samples: dict[tuple[Contender, int], list[Sample]] = {}
        for number in range(run.rounds):
            for connections in run.connections:
                for each in turned(up, number):
                    sample = measure(each.aim, each.server, predictor.server, connections, run.seconds)
                    samples.setdefault((each.contender, connections), []).append(sample)
            say(f"  {cell.name}: round {number + 1} of {run.rounds}: {_rates(samples, max(run.connections))}")
        return Measured(
            cell,
            samples,
            {each.contender: each.server.usage().peak_rss for each in up},
            {each.contender: each.server.command for each in up},
        )


@contextmanager
def contending(contender: Contender, cell: Cell, setting: Setting, *more: str) -> Iterator[Running]:
    """A contender, started and ready. `more` are further arguments for it."""
    rest_port, grpc_port = processes.free_ports(2)
    predictor = setting.predictor_of(cell.hop).address(cell.hop)
    start = commands.start(contender, cell, setting.kserve, predictor, (rest_port, grpc_port))
    log = setting.scratch / f"{cell.name}-{contender}-{rest_port}.log"
    name = f"{contender} ({cell.name})"
    with processes.running(name, (*start.command, *more), start.environment, log, commands.ROOT) as server:
        seconds = processes.wait_ready(server, _probe(contender, cell.wire, rest_port, grpc_port))
        port = grpc_port if cell.wire == "grpc" else rest_port
        aim = Aim(cell.wire, f"127.0.0.1:{port}", f"/v1/models/{MODEL}:predict", setting.bodies[cell.wire])
        yield Running(contender, server, aim, seconds, server.usage().rss)


def turned(up: Sequence[T], number: int) -> list[T]:
    """Forwards and backwards by turns, each pair from another start: drift of the machine falls on all alike."""
    start = number // 2 % len(up)
    order = [*up[start:], *up[:start]]
    return order if number % 2 == 0 else order[::-1]


def _probe(contender: Contender, wire: Wire, rest_port: int, grpc_port: int) -> Callable[[], bool]:
    """Both servers of an SDK are up when its REST says that the model is ready and its gRPC port takes connections."""
    if contender == "floor":
        return lambda: _connects(grpc_port if wire == "grpc" else rest_port)
    return lambda: answers(f"http://127.0.0.1:{rest_port}/v2/models/{MODEL}/ready") and _connects(grpc_port)


def _connects(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            return True
    except OSError:
        return False


def _rates(samples: dict[tuple[Contender, int], list[Sample]], connections: int) -> str:
    rates = {
        contender: statistics.median(sample.requests_per_second for sample in found)
        for (contender, count), found in samples.items()
        if count == connections
    }
    return ", ".join(f"{contender} {rate:.0f}/s" for contender, rate in rates.items())
