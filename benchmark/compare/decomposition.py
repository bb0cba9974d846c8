"""Where a request's time goes, from what each place tells of itself; the rest is shown as unexplained. Pure.

All are means, for means add up. `network` is a request over the same transport and the same servers that no model sees.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.compare.arms import AGAIN, BY_NAME, Hop
from benchmark.compare.findings import Findings, Series, is_control

WITHIN = 0.05
PARTS = ("client serialise", "network and ingress", "preprocess", "hop", "predictor", "postprocess")


@dataclass(frozen=True)
class Decomposition:
    """Milliseconds. `hop` is encoding, wire and decoding between transformer and predictor."""

    predictor: str
    hop: Hop
    arm: str
    parts: dict[str, float]
    total: float

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
    asked = one.arm.removesuffix(AGAIN) if one.hop == "client" else "v1"
    transport = "grpc" if BY_NAME[asked].wire == "grpc" else "http"
    echo = findings.echo.get((one.predictor, one.hop, transport))
    told = [block.stages for block in one.blocks if len(block.stages)]
    predictor = [block.predictor_ms for block in one.blocks if block.predictor_ms is not None]
    if echo is None or not told or not predictor:
        return None
    preprocess, predict, postprocess = np.concatenate(told).mean(axis=0)
    serialise = findings.client.get(asked, 0.0)
    inner = min(float(np.mean(predictor)), float(predict))
    values = (serialise, echo, preprocess, predict - inner, inner, postprocess)
    parts = {name: float(value) for name, value in zip(PARTS, values, strict=True)}
    return Decomposition(one.predictor, one.hop, one.arm, parts, float(one.latencies.mean()) + serialise)
