"""Where a request's time goes, from what each place tells of itself; the rest is shown as unexplained. Pure.

All are means, for means add up, without the slowest twentieth of the requests and the first few of every load: those
that waited for another process would otherwise decide a mean.

What a request takes outside of the transformer's own steps is measured with other requests than the total is, sent in
between: past the ingress it is `network and stack` (sockets, HTTP or gRPC on both sides), and by how much it is more by
way of the ingress is `ingress`. A request to a model that does nothing would not do for that: its processes never wait,
and what has not waited wakes up sooner. `hop` is the predict step less the predictor's own time: its encode and decode
are those of the transformer's and, where it tells, the predictor's codec, its wire is the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.compare.arms import Hop
from benchmark.compare.findings import TOLD, Codec, Findings, Probe, Series, is_control
from benchmark.compare.quantiles import Values

WITHIN = 0.05
TYPICAL = 0.95
"""The share of the requests, from the fastest, of which the means are."""
SETTLING = 5
"""Requests at the beginning of every load that are left out: processes that were idle wake up."""
PARTS = (
    "client serialise",
    "ingress",
    "network and stack",
    "decode",
    "preprocess",
    "hop: encode",
    "hop: wire",
    "hop: decode",
    "predictor",
    "postprocess",
    "encode",
)


@dataclass(frozen=True)
class Decomposition:
    """Milliseconds. `past` is what the hop's wire is by a request straight to the predictor: a second opinion."""

    predictor: str
    hop: Hop
    arm: str
    parts: dict[str, float]
    total: float
    past: float | None = None

    @property
    def unexplained(self) -> float:
        return self.total - sum(self.parts.values())

    @property
    def adds_up(self) -> bool:
        return abs(self.unexplained) <= WITHIN * self.total


def decompose(findings: Findings) -> list[Decomposition]:
    """Every arm at one connection of which all places told."""
    return [made for one in _single(findings) if (made := _of(one, findings)) is not None]


def _single(findings: Findings) -> Iterator[Series]:
    for one in findings.series:
        if one.mode == "closed" and one.connections == 1 and not is_control(one.arm):
            yield one


def _of(one: Series, findings: Findings) -> Decomposition | None:
    outside = _outside(findings.again.get((one.predictor, one.hop, one.arm)))
    inside = _outside(findings.inside.get((one.predictor, one.arm))) if one.hop == "client" else None
    own = [block.predictor_ms for block in one.blocks if block.predictor_ms is not None]
    found = typical([block.latencies for block in one.blocks], [block.told for block in one.blocks])
    if outside is None or found is None or not own:
        return None
    latency, told = found
    steps = dict(zip(TOLD, (float(value) for value in told), strict=True))
    asked = findings.client.get(one.arm if one.hop == "client" else "v1", Codec(0.0, 0.0))
    inner = steps["predict"] * _share(one, own)
    spoken = "grpc" if one.hop == "client" else one.arm
    encode, decode = _hop_codec(findings, one.predictor, spoken)
    wire = steps["predict"] - inner - encode - decode
    network, ingress = (outside, 0.0) if inside is None else (inside, outside - inside)
    values = (asked.encode, ingress, network, steps["decode"], steps["preprocess"], encode, wire, decode, inner)
    parts = dict(zip(PARTS, (*values, steps["postprocess"], steps["encode"]), strict=True))
    parts = {name: value for name, value in parts.items() if value and not np.isnan(value)}
    past = _past(findings.direct.get((one.predictor, spoken)))
    return Decomposition(one.predictor, one.hop, one.arm, parts, latency + asked.encode, past)


def _share(one: Series, own: list[float]) -> float:
    """The predictor's share of the predict step. Its count is of all requests, so both are of all here."""
    predict = np.concatenate([block.told[:, TOLD.index("predict")] for block in one.blocks])
    return min(1.0, float(np.mean(own)) / float(predict.mean()))


def _hop_codec(findings: Findings, predictor: str, arm: str) -> tuple[float, float]:
    """Encode and decode on both ends of the hop; of a predictor that does not tell, the transformer's end alone."""
    ours = findings.transformer.get((predictor, arm), Codec(0.0, 0.0))
    probe = findings.direct.get((predictor, arm))
    found = typical(probe.latencies, probe.told) if probe is not None else None
    theirs = dict(zip(TOLD, found[1], strict=True)) if found is not None else {}
    encode, decode = (float(np.nan_to_num(theirs.get(name, 0.0))) for name in ("encode", "decode"))
    return ours.encode + encode, ours.decode + decode


def _outside(probe: Probe | None) -> float | None:
    """What a request takes outside of the server's own steps."""
    if probe is None:
        return None
    found = typical(probe.latencies, probe.told)
    return None if found is None else found[0] - float(np.nansum(found[1]))


def _past(probe: Probe | None) -> float | None:
    """The wire by the probe: outside of the server's steps where it tells them, else outside of its own count."""
    outside = _outside(probe)
    if outside is None and probe is not None and probe.own:
        return float(np.concatenate(probe.latencies).mean()) - float(np.mean(probe.own))
    return outside


def typical(latencies: list[Values], told: list[Values]) -> tuple[float, Values] | None:
    """Means of the typical requests: their latency, and each step of TOLD. None where not every answer told."""
    if not latencies or sum(map(len, latencies)) != sum(map(len, told)) or not sum(map(len, told)):
        return None
    every = np.concatenate([block[SETTLING:] for block in latencies])
    rows = np.concatenate([block[SETTLING:] for block in told])
    if not len(every):
        return None
    kept = every <= np.quantile(every, TYPICAL)
    return float(every[kept].mean()), rows[kept].mean(axis=0)
