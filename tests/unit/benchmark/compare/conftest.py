"""Findings made up for the tests of what is made of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmark.compare.arms import ARMS, HOPS, with_control
from benchmark.compare.findings import (
    Block,
    Codec,
    CrossCheck,
    CurvePoint,
    Findings,
    OnTheWire,
    Probe,
    Series,
    Warm,
)

SPEED = {"v1": 4.0, "v2-json": 3.0, "v2-binary": 2.0, "grpc": 2.4}
SIZE = {"v1": 59080.0, "v2-json": 32212.0, "v2-binary": 12719.0, "grpc": 12592.0}
ABOUT = {
    "what": "Model cifar10.",
    "payload": "a picture",
    "when": "2026-01-01T00:00:00+00:00",
    "cpu": "a <cpu>",
    "cores": 2,
    "command": "python -m benchmark.compare --quick",
    "versions": {"grpcio": "1.0"},
}

Make = Callable[..., Findings]


def block(milliseconds: float, chance: np.random.Generator, count: int = 1200, errors: int = 0) -> Block:
    latencies = milliseconds * chance.lognormal(0, 0.1, count)
    told = latencies[:, np.newaxis] * np.asarray([0.03, 0.2, 0.5, 0.05, 0.02])
    return Block(
        latencies=latencies,
        uncorrected=latencies,
        rate=1000 / milliseconds,
        errors=errors,
        faults=("503: away",) if errors else (),
        dropped=0,
        on_time=1.0,
        lag_ms=0.1,
        told=told,
        predictor=(milliseconds * 0.02, milliseconds * 0.16, milliseconds * 0.02),
        cpu={"client": 0.1, "ingress": 0.2, "transformer": milliseconds / 4, "predictor": 0.3},
        client_cores=0.2,
        wrong=None,
        rss={"client": 50 << 20, "transformer": 90 << 20, "predictor": 70 << 20},
    )


@pytest.fixture
def make() -> Make:
    def made(errors: int = 0, blocks: int = 6) -> Findings:
        chance = np.random.default_rng(3)
        findings = Findings(about=dict(ABOUT))
        for hop in HOPS:
            for arm in with_control(ARMS):
                speed = SPEED[arm.wire]
                for level in (1, 8):
                    series = Series("predictor-mock", hop, arm.name, "closed", level)
                    series.blocks += [block(speed * level**0.5, chance, errors=errors) for _ in range(blocks)]
                    findings.series.append(series)
                findings.wire["predictor-mock", hop, arm.name] = OnTheWire(SIZE[arm.wire], 300, arm.wire)
                findings.warm["predictor-mock", hop, arm.name] = Warm(True, True, 1.05, 3, 9.0, 8, 8)
            findings.apart["predictor-mock", hop] = 1e-8
            for arm in ARMS:
                told = np.full((400, 5), 0.01)
                outside = np.full(400, 0.05 + SPEED[arm.name] * 0.2)
                findings.again["predictor-mock", hop, arm.name] = Probe([outside], [told])
                findings.inside["predictor-mock", arm.name] = Probe([outside / 2], [told])
        for arm in ARMS:
            findings.transformer["predictor-mock", arm.name] = Codec(0.02, 0.01)
            findings.client[arm.name] = Codec(0.01, 0.01)
        for arm in ARMS:
            one = Series("predictor-mock", "client", arm.name, "open", 16, 200.0, 0.7)
            one.blocks.append(block(SPEED[arm.name], chance))
            findings.series.append(one)
            for size, factor in ((48, 1.0), (12288, 1.1), (602112, 0.5 if arm.name == "grpc" else 2.0)):
                milliseconds = SPEED[arm.name] * factor
                findings.curve.append(CurvePoint(arm.name, size, size + 200, (milliseconds,) * 2, (9.0, 9.0), 50, None))
        findings.cross.append(CrossCheck("grpc", "Locust", 2.9, (2.3, 2.5), 900, 0, 0.4, 0.2))
        findings.missing["predictor-mock", "predictor", "other"] = "it does <not> speak it"
        return findings

    return made
