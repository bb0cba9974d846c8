"""One worker and several, side by side: requests per second, and who had the cores."""

import os
from contextlib import ExitStack
from dataclasses import dataclass

from benchmark import payloads
from benchmark.cells import WORKERS_GAIN, Cell
from benchmark.environments import Say
from benchmark.load.driver import Sample, measure
from benchmark.rounds import WARMUP_SECONDS, Run, Setting, contending, turned
from benchmark.summary import Spread, paired, spread


@dataclass(frozen=True)
class Workers:
    """modelapi's samples by number of workers (1 and `count`), one a round, and the ratio of their rates."""

    cell: str
    count: int
    samples: dict[int, list[Sample]]
    gain: Spread
    cores: int

    @property
    def explanation(self) -> str:
        """Why the gain is what it is: with every core busy, workers only share what one had."""
        several = self.samples[self.count]
        parts = {
            "transformer": spread([sample.server_cores for sample in several]).median,
            "predictor": spread(
                [sample.predictor_cpu_ms * sample.requests_per_second / 1000 for sample in several]
            ).median,
            "client": spread([sample.client_cores for sample in several]).median,
        }
        shares = ", ".join(f"{name} {value:.2f}" for name, value in parts.items())
        said = f"cores in use with {self.count} workers: {shares}, together {sum(parts.values()):.2f} of {self.cores}"
        if self.gain.median >= WORKERS_GAIN:
            return said
        one = spread([sample.server_cpu_ms for sample in self.samples[1]]).median
        many = spread([sample.server_cpu_ms for sample in several]).median
        return (
            f"{said}; CPU per request {one:.2f} ms with one and {many:.2f} ms with {self.count}. One worker, the"
            f" predictor and the client already keep {_busy(self.samples[1]):.2f} cores busy: a gain of {WORKERS_GAIN}"
            " needs cores that nothing else uses, so run the client and the predictor on another machine to see it"
        )


def run(cell: Cell, how: Run, setting: Setting, say: Say, count: int) -> Workers:
    predictor, connections = setting.predictor_of(cell.hop).server, max(how.connections)
    samples: dict[int, list[Sample]] = {1: [], count: []}
    with ExitStack() as stack:
        up = {
            number: stack.enter_context(contending("modelapi", cell, setting, "--workers", str(number)))
            for number in samples
        }
        for each in up.values():
            payloads.ask(each.aim)
            measure(each.aim, each.server, predictor, connections, WARMUP_SECONDS)
        for turn in range(how.rounds):
            for number in turned(list(up), turn):
                each = up[number]
                samples[number].append(measure(each.aim, each.server, predictor, connections, how.seconds))
    one, many = ([sample.requests_per_second for sample in samples[number]] for number in (1, count))
    found = Workers(cell.name, count, samples, paired(many, one), os.cpu_count() or 1)
    say(f"  {count} workers give {found.gain.median:.2f}x of one")
    return found


def _busy(samples: list[Sample]) -> float:
    return spread(
        [s.server_cores + s.client_cores + s.predictor_cpu_ms * s.requests_per_second / 1000 for s in samples]
    ).median
