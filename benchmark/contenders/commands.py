"""How each contender is started, as argument lists."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.cells import Cell, Contender
from benchmark.predictors.start import MODEL

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Start:
    """A command and its environment."""

    command: tuple[str, ...]
    environment: dict[str, str]


def start(contender: Contender, cell: Cell, kserve: Path | None, predictor: str, ports: tuple[int, int]) -> Start:
    """`predictor` is host:port of the hop, `ports` are those of REST and gRPC."""
    common = ["--model_name", MODEL, "--predictor_host", predictor, "--side", str(cell.side)]
    both = ["--http_port", str(ports[0]), "--grpc_port", str(ports[1])]
    protocol = "v2" if cell.hop == "v2-json" else cell.hop
    match contender:
        case "floor" if cell.wire == "grpc":
            return _start(sys.executable, "floor_grpc", [*common, "--grpc_port", str(ports[1])])
        case "floor":
            return _start(sys.executable, "floor_rest", [*common, "--http_port", str(ports[0]), "--hop", cell.hop])
        case "kserve" | "kserve-binary":
            arguments = [*common, *both, "--predictor_protocol", protocol]
            started = _start(str(kserve), "transformer", arguments, "kserve")
            return started if contender == "kserve" else replace(started, environment=_binary(started.environment))
        case _:
            encoding = ["--predictor_encoding", "json"] if cell.hop == "v2-json" else []
            arguments = [*common, *both, "--predictor_protocol", protocol, *encoding]
            return _start(sys.executable, "transformer", arguments, "modelapi")


def _binary(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "BENCH_BINARY": "1"}


def _start(python: str, module: str, arguments: list[str], sdk: str = "") -> Start:
    environment = {**os.environ, **({"BENCH_SDK": sdk} if sdk else {})}
    return Start((python, "-m", f"benchmark.contenders.{module}", *arguments), environment)
