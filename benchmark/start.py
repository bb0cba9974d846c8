"""Time to the first prediction: from typing `isvc up` to a real answer through the ingress, cold and warm.

    python -m benchmark.start [--backend process] [--backend compose] [--rounds 5] [--rebuild] [--out DIR]

What is timed is the whole command, which ends after the first prediction of its one service.

warm    the environments or images are there, and the models where an earlier `up` put them; nothing runs
cold    as after the first install: no environment but isvc's own (others are made with an empty cache of pip's), no
        cached model, no volume. On Compose the images are there, unless `--rebuild` has them built anew on their base.

The cold case has a cache folder of its own, so the shared one is never touched. Warm rounds take turns.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.rounds import turned
from benchmark.summary import spread

ROOT = Path(__file__).resolve().parents[1]
ISVC = Path(sys.executable).with_name("isvc")
BACKENDS = ("process", "compose")
PATIENCE = 1800.0
"""Seconds that one start may take, with all that it makes."""


@dataclass(frozen=True)
class Server:
    title: str
    service: str
    yaml: str
    real: int


MNIST = ("torch-transformer", "examples/torch-transformer/transformer-new.yaml")
CIFAR10 = ("torch-grpc-transformer", "examples/torch-grpc-transformer/grpc_transformer.yaml")
SERVERS = (
    Server("predictor-mock", *MNIST, real=0),
    Server("Triton", *CIFAR10, real=1),
    Server("TorchServe", *MNIST, real=1),
)


@dataclass
class Times:
    """Seconds of one server on one backend; `failure` says why there are none."""

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    failure: str = ""


class Failed(Exception):
    """A start did not end with a prediction; the message is its last lines."""


@dataclass(frozen=True)
class Stack:
    """A project of isvc with one service, in a folder that goes when the measuring ends."""

    server: Server
    backend: str
    state: Path

    @property
    def project(self) -> str:
        return f"bench-start-{self.server.title.lower()}-{os.getpid()}"

    def up(self, environment: Mapping[str, str]) -> float:
        """Seconds that `isvc up` takes. Raises Failed."""
        options = ("--backend", self.backend, "--ingress-port", "0", "--real", str(self.server.real))
        started = time.monotonic()
        self._isvc(environment, "up", str(ROOT / self.server.yaml), *options)
        return time.monotonic() - started

    def down(self, *options: str) -> None:
        self._isvc(os.environ, "down", *options)

    def rebuild(self) -> float:
        """Seconds that all images of the service take, none of whose layers is taken from Docker's cache."""
        (file,) = self.state.rglob("images.yaml")
        started = time.monotonic()
        _run(["docker", "compose", "--file", str(file), "build", "--no-cache"], os.environ)
        return time.monotonic() - started

    def _isvc(self, environment: Mapping[str, str], command: str, *words: str) -> None:
        own = ("--project", self.project, "--state-dir", str(self.state))
        _run([str(ISVC), command, *words, *own], environment)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmark.start", description="Time to the first prediction.")
    parser.add_argument("--backend", action="append", choices=BACKENDS, help="one of them; both, unless it is given")
    parser.add_argument("--rounds", type=int, default=5, help="warm starts of each (default: %(default)s)")
    parser.add_argument("--cold-rounds", type=int, default=1, help="cold starts of each (default: %(default)s)")
    parser.add_argument("--rebuild", action="store_true", help="on Compose: images are built anew for a cold start")
    parser.add_argument("--out", type=Path, help="folder for start.md")
    options = parser.parse_args(argv)
    measured = {
        backend: measure(backend, options.rounds, options.cold_rounds, rebuild=options.rebuild)
        for backend in options.backend or BACKENDS
    }
    text = report(measured)
    print(text)  # noqa: T201 - the result
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "start.md").write_text(text + "\n")
    return 1 if any(times.failure for row in measured.values() for times in row.values()) else 0


def measure(backend: str, rounds: int, cold_rounds: int, *, rebuild: bool) -> dict[str, Times]:
    """By server's title. One that fails is said, and takes no further part."""
    measured = {server.title: Times() for server in SERVERS}
    with contextlib.ExitStack() as held:
        stacks = [held.enter_context(_stack(server, backend)) for server in SERVERS]
        for stack in stacks:
            _tried(stack, measured, lambda times, stack=stack: _prime(stack))  # type: ignore[misc]
        for number in range(max(rounds, cold_rounds)):
            for stack in turned(stacks, number):
                if number < cold_rounds:
                    cold = lambda times, stack=stack: times.cold.append(_cold(stack, rebuild=rebuild))  # noqa: E731
                    _tried(stack, measured, cold)
            for stack in turned(stacks, number):
                if number < rounds:
                    _tried(stack, measured, lambda times, stack=stack: times.warm.append(_warm(stack)))  # type: ignore[misc]
    return measured


def _tried(stack: Stack, measured: Mapping[str, Times], step: Callable[[Times], None]) -> None:
    times = measured[stack.server.title]
    if times.failure:
        return
    try:
        step(times)
    except Failed as exc:
        times.failure = str(exc)
        _say(f"{stack.server.title} on {stack.backend} failed: {exc}")
        return
    told = f"cold {times.cold[-1:]}, warm {times.warm[-1:]}"
    _say(f"{stack.server.title} on {stack.backend}: {told}")


def _prime(stack: Stack) -> None:
    """Not timed: what a warm start finds is made, and every file has been read once."""
    stack.up(os.environ)
    stack.down()


def _warm(stack: Stack) -> float:
    try:
        return stack.up(os.environ)
    finally:
        stack.down()


def _cold(stack: Stack, *, rebuild: bool) -> float:
    stack.down("--volumes")
    with tempfile.TemporaryDirectory(prefix="bench-start-cache-") as cache:
        built = 0.0
        environment = dict(os.environ)
        if stack.backend == "process":
            environment["XDG_CACHE_HOME"] = cache
        elif rebuild:
            stack.up(os.environ)  # writes what there is to build
            built = stack.rebuild()
            stack.down("--volumes")
        try:
            return built + stack.up(environment)
        finally:
            stack.down()


@contextlib.contextmanager
def _stack(server: Server, backend: str) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="bench-start-") as state:
        stack = Stack(server, backend, Path(state))
        try:
            yield stack
        finally:
            stack.down("--volumes")


def report(measured: Mapping[str, Mapping[str, Times]]) -> str:
    """The table in Markdown."""
    columns = [(backend, case) for backend in measured for case in ("cold", "warm")]
    lines = [
        "| predictor | " + " | ".join(f"{backend}, {case}" for backend, case in columns) + " |",
        "| --- |" + " --- |" * len(columns),
    ]
    for server in SERVERS:
        cells = [_cell(getattr(measured[backend][server.title], case)) for backend, case in columns]
        lines.append(f"| {server.title} | {' | '.join(cells)} |")
    rounds = max(len(times.warm) for row in measured.values() for times in row.values())
    return "\n".join(
        [*lines, "", f"`isvc up` to its end, one service; medians (lowest-highest) of {rounds} warm starts."]
    )


def _cell(seconds: Sequence[float]) -> str:
    if not seconds:
        return "not measured"
    found = spread(seconds)
    return f"{found.median:.1f} s" + (f" ({found.low:.1f}-{found.high:.1f})" if len(seconds) > 1 else "")


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            command, env=dict(environment), cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise Failed(f"{' '.join(command[:2])} was not done after {PATIENCE:.0f} s") from exc
    if done.returncode:
        raise Failed(" / ".join(done.stderr.strip().splitlines()[-3:]))


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)  # noqa: T201 - progress


if __name__ == "__main__":
    sys.exit(main())
