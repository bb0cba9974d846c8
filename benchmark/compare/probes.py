"""Requests beside those that are asked about, with which the parts of a decomposition are measured."""

from benchmark.compare import statistics
from benchmark.compare.findings import Findings, Probe
from benchmark.compare.ground import Ground, Lane
from benchmark.compare.load.connection import Target
from benchmark.compare.load.crew import Crew, Load


def beside(ground: Ground, crew: Crew, findings: Findings, lane: Lane, seconds: float) -> None:
    """Right after a block of `lane`, in the same weather: the same request again, past the ingress, and past the
    transformer; `seconds` for each.
    """
    key = (ground.predictor, lane.hop, lane.arm)
    for (hop, arm), target in ground.again.items():
        if (hop, arm) == (lane.hop, lane.arm):
            _ask(crew, target, seconds, findings.again.setdefault(key, Probe()))
    for arm, target in ground.inside.items():
        if (lane.hop, lane.arm) == ("client", arm):
            _ask(crew, target, seconds, findings.inside.setdefault((ground.predictor, arm), Probe()))
    for arm, target in ground.direct.items():
        if (lane.hop, lane.arm) == ("predictor", arm):
            probe = findings.direct.setdefault((ground.predictor, arm), Probe())
            before = _counted(ground)
            if _ask(crew, target, seconds, probe):
                own = statistics.mean_ms(before, _counted(ground))
                probe.own += [] if own is None else [sum(own)]


def _ask(crew: Crew, target: Target, seconds: float, probe: Probe) -> bool:
    seen = crew.send(Load(target, 1, seconds))
    if seen.errors:
        return False
    probe.latencies.append(seen.latencies * 1000)
    probe.told.append(statistics.told(seen.timings))
    probe.answer, probe.json_length = seen.answer, seen.json_length
    return True


def _counted(ground: Ground) -> statistics.Counted | None:
    return statistics.counted(ground.statistics, ground.model) if ground.statistics else None
