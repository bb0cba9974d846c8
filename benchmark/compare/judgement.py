"""Every question at every place, with the metric that answers it: verdicts and their sentences. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmark.compare import fairness
from benchmark.compare.arms import AGAIN, BY_NAME, HOPS, PAIRS, Hop, Pair
from benchmark.compare.fairness import Check
from benchmark.compare.findings import Block, Findings, Series
from benchmark.compare.quantiles import exact, needed
from benchmark.compare.verdict import Verdict, decide


@dataclass(frozen=True)
class Metric:
    """What is compared, block by block. With `least` requests a block has to have for it."""

    name: str
    of: Callable[[Block], float | None]
    single: bool
    least: int = 1


METRICS = (
    Metric("p50", lambda block: exact(block.latencies, 0.5), True, needed(0.5)),
    Metric("p99", lambda block: exact(block.latencies, 0.99), True, needed(0.99)),
    Metric("transformer CPU per request", lambda block: block.cpu.get("transformer"), True),
    Metric("requests per second", lambda block: block.rate, False),
)


@dataclass(frozen=True)
class Judged:
    """A verdict with its scope."""

    predictor: str
    hop: Hop
    pair: Pair
    metric: str
    connections: int
    verdict: Verdict

    @property
    def sentence(self) -> str:
        other, base = BY_NAME[self.pair.other].title, BY_NAME[self.pair.base].title
        asked = f"{other} against {base}, {self.metric}"
        if not self.verdict.found or self.verdict.ratio is None:
            return f"{asked}: no verdict, because {'; '.join(self.verdict.reasons)}"
        found = self.verdict.ratio
        change, low, high = (f"{(value - 1) * 100:+.0f}" for value in (found.value, found.low, found.high))
        return f"{asked}: {change} % [{low}, {high}]"


def judge(findings: Findings, checks: list[Check]) -> list[Judged]:
    """Every pair of arms that were both measured, or would have been."""
    made = []
    for predictor in findings.predictors:
        for hop in HOPS:
            for metric in METRICS:
                levels = findings.levels(predictor, hop)
                wanted = [level for level in levels if (level == 1) is metric.single]
                if wanted:
                    made += [_judged(findings, checks, predictor, hop, pair, metric, wanted[-1]) for pair in PAIRS]
    return made


def _judged(
    findings: Findings, checks: list[Check], predictor: str, hop: Hop, pair: Pair, metric: Metric, level: int
) -> Judged:
    series = {one.arm: one for one in findings.at(predictor, hop, "closed", level)}
    absent = [name for name in (pair.other, pair.base) if name not in series]
    if absent:
        why = findings.missing.get((predictor, hop, absent[0]), "it was not measured")
        nothing = Verdict(False, None, None, (f"there is no {BY_NAME[absent[0]].title}: {why}",))
        return Judged(predictor, hop, pair, metric.name, level, nothing)
    again = next((one for name, one in series.items() if name.endswith(AGAIN)), None)
    base_of_control = series.get(again.arm.removesuffix(AGAIN)) if again else None
    values = [_values(one, metric) for one in (series[pair.other], series[pair.base], again, base_of_control)]
    other, base, control, controlled = values
    if other is None or base is None or control is None or controlled is None:
        verdict = Verdict(False, None, None, (_too_few(metric, series),))
    else:
        voids = fairness.voids(checks, (predictor, hop))
        verdict = decide(other, base, (control, controlled), voids)
    return Judged(predictor, hop, pair, metric.name, level, verdict)


def _values(one: Series | None, metric: Metric) -> list[float] | None:
    """A value of each block; None where a block has none."""
    values = [metric.of(block) for block in one.blocks] if one else []
    known = [value for value in values if value]
    return known if known and len(known) == len(values) else None


def _too_few(metric: Metric, series: dict[str, Series]) -> str:
    fewest = min((block.requests for one in series.values() for block in one.blocks), default=0)
    if metric.least > fewest:
        return f"{metric.name} takes {metric.least} requests in a block, and one has {fewest}"
    return f"{metric.name} is not known for every block"
