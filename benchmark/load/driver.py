"""Runs a load client against one server, and puts what the client saw beside what the server used."""

import json
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmark.cells import Wire
from benchmark.processes import Server

ROOT = Path(__file__).parents[2]
POST_LUA = Path(__file__).with_name("post.lua")
SLACK_SECONDS = 90.0


class LoadFailed(Exception):
    """The client gave no result; the message says what it wrote instead."""


@dataclass(frozen=True)
class Aim:
    """Where a load goes: address of the server, the path (REST), and the file with the request."""

    wire: Wire
    address: str
    path: str
    body: Path


@dataclass(frozen=True)
class Sample:
    """One measurement of one contender."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    requests: int
    server_cpu_ms: float  # per request, of the transformer's process tree
    predictor_cpu_ms: float
    client_cores: float  # how much of a core the client itself took
    server_cores: float


def client(wire: Wire) -> str:
    """Which client drives a wire: wrk where it is installed, else ours."""
    if wire == "grpc":
        return "benchmark.load.grpc_client"
    return "wrk" if shutil.which("wrk") else "benchmark.load.rest"


def command(aim: Aim, connections: int, seconds: float) -> list[str]:
    match client(aim.wire):
        case "wrk":
            return [
                *("wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s"),
                *("-s", str(POST_LUA), f"http://{aim.address}{aim.path}", "--", str(aim.body)),
            ]
        case module:
            to = ["--target", aim.address] if aim.wire == "grpc" else ["--url", f"http://{aim.address}{aim.path}"]
            options = ["--body", str(aim.body), "--connections", str(connections), "--seconds", str(seconds)]
            return [sys.executable, "-m", module, *to, *options, "--warmup", str(min(0.5, seconds / 4))]


def measure(aim: Aim, server: Server, predictor: Server, connections: int, seconds: float) -> Sample:
    """Raises LoadFailed."""
    before, predictor_before, own_before = server.usage(), predictor.usage(), _children_cpu()
    argv = command(aim, connections, seconds)
    try:
        done = subprocess.run(
            argv, cwd=ROOT, capture_output=True, text=True, timeout=seconds + SLACK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise LoadFailed(f"{argv[0]} did not end after {seconds + SLACK_SECONDS:.0f} s") from exc
    cpu = server.usage().cpu_seconds - before.cpu_seconds
    predictor_cpu = predictor.usage().cpu_seconds - predictor_before.cpu_seconds
    found = _result(done)
    total = max(1, found["total"])
    rate = found["requests"] / found["seconds"]
    took = total / rate if rate else found["seconds"]
    return Sample(
        requests_per_second=rate,
        p50_ms=found["p50_ms"],
        p99_ms=found["p99_ms"],
        errors=int(found["errors"]),
        requests=int(found["total"]),
        server_cpu_ms=cpu / total * 1000,
        predictor_cpu_ms=predictor_cpu / total * 1000,
        client_cores=(_children_cpu() - own_before) / took,
        server_cores=cpu / took,
    )


def _result(done: subprocess.CompletedProcess[str]) -> dict[str, float]:
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise LoadFailed(f"the client ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}")
    found: dict[str, float] = json.loads(lines[-1])
    return found


def _children_cpu() -> float:
    """CPU seconds of the child processes that have ended: while servers run on, only load clients do."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
