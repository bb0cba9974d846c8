"""Wires exact times, shapes and thresholds to Locust, distributed runs included."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from _exact import Times, table
from _shapes import SHAPES, Shape
from _thresholds import Threshold, ThresholdError, parse
from locust import events
from locust.env import Environment
from locust.runners import WorkerRunner
from locust.util.timespan import parse_timespan

_KEY = "exact times"
BROKEN = 3
"""The exit code where a threshold was not kept."""


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # Locust's events have no types
def add_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("measuring")
    group.add_argument("--exact", metavar="FILE", default="", help="write the exact percentiles to FILE, as JSON")
    group.add_argument("--shape", choices=SHAPES, default="steady", help="with -t and -u: users over time (steady)")
    group.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="LIMIT",
        help="p99=50 (ms), 'V2 gRPC:p95=20', failures=0.01; exit code 3 where one is not kept; several may be given",
    )


class Meter:
    """What is noted of one run, and what is told of it at its end."""

    def __init__(self, environment: Environment) -> None:
        self.times = Times()
        self._environment: Any = environment
        options: Any = environment.parsed_options
        self._exact: str = options.exact
        self._thresholds = [_threshold(text) for text in options.threshold]
        self._cpu: list[float] = []

    def note(self, name: str, response_time: float, exception: BaseException | None, **_: Any) -> None:
        self.times.add(name, response_time, exception is not None)
        self._cpu = [*self._cpu[:1], time.process_time()]

    @property
    def client_cpu_ms(self) -> float | None:
        """CPU milliseconds of this process per request; None where other processes sent them, or fewer than two."""
        requests = sum(map(self.times.count, self.times.names()))
        if len(self._cpu) < 2 or requests < 2:
            return None
        return (self._cpu[1] - self._cpu[0]) / (requests - 1) * 1000

    def report(self, client_id: str, data: dict[str, Any]) -> None:
        """A worker's part, sent to the master every few seconds."""
        data[_KEY] = self.times.take()

    def reported(self, client_id: str, data: dict[str, Any]) -> None:
        self.times.put(data.get(_KEY, {}))

    def clear(self, **_: Any) -> None:
        self.times.clear()
        self._cpu = []

    def tell(self, **_: Any) -> None:
        if self.times.names():
            sys.stdout.write(f"\n{table(self.times.summary())}\n\n")
        if self._exact:
            told = {"requests": self.times.summary(), "client_cpu_ms": self.client_cpu_ms}
            text = json.dumps(told, indent=1)
            Path(self._exact).write_text(text + "\n", encoding="utf-8")
        broken = [fault for threshold in self._thresholds for fault in threshold.broken(self.times)]
        for fault in broken:
            sys.stderr.write(f"loadtest: threshold {fault}\n")
        if broken:
            self._environment.process_exit_code = BROKEN


@events.init.add_listener  # type: ignore[untyped-decorator]  # as above
def measure(environment: Environment, runner: Any, **_: Any) -> None:
    """Every request is noted from here on."""
    meter, heard, options = Meter(environment), events_of(environment), environment.parsed_options
    if getattr(options, "shape", "steady") != "steady":
        environment.shape_class = _shape(options)
        environment.shape_class.runner = runner
    heard.request.add_listener(meter.note)
    if isinstance(runner, WorkerRunner):
        heard.report_to_master.add_listener(meter.report)
        return
    heard.worker_report.add_listener(meter.reported)
    heard.reset_stats.add_listener(meter.clear)
    heard.quitting.add_listener(meter.tell)


def events_of(environment: Environment) -> Any:
    """The run's events, which have no types."""
    return environment.events


def _threshold(text: str) -> Threshold:
    try:
        return parse(text)
    except ThresholdError as exc:
        sys.exit(f"loadtest: {exc}")


def _shape(options: Any) -> Shape:
    """Ends with a sentence where a shape has no length."""
    if not options.run_time:
        sys.exit(f"loadtest: --shape {options.shape} needs a length: -t 60s")
    run_time = options.run_time
    seconds = parse_timespan(run_time) if isinstance(run_time, str) else float(run_time)
    most = options.num_users or 1
    return Shape(options.shape, seconds, most, float(options.spawn_rate or most))
