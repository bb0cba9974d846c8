"""What was measured, as plain values. It grows while a run goes on, so that Ctrl-C leaves what there is."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from benchmark.compare.arms import AGAIN, Hop
from benchmark.compare.quantiles import Values

Mode = Literal["closed", "open"]
STAGES = ("preprocess", "predict", "postprocess")
TOLD = ("decode", *STAGES, "encode")
"""What a server of the Model API tells of a request, in the order in which it happens."""


SLO_MS = 100.0
"""Goodput is the answers that came within it."""
MARGIN = 0.10
"""By so much the medians of two engines may differ beyond what their clients' own work explains."""


@dataclass(frozen=True)
class Block:
    """One load of one arm. Arrays and times in milliseconds; CPU in milliseconds per request, None where unknown."""

    latencies: Values
    uncorrected: Values
    rate: float
    errors: int
    faults: tuple[str, ...]
    dropped: int
    on_time: float
    """The share of what was planned that was answered in time; 1 in a closed loop."""
    lag_ms: float
    """How late the 99th of a hundred requests was sent; 0 in a closed loop."""
    told: Values
    """One row of TOLD per answer that had a Server-Timing; NaN for a step that it left out."""
    predictor: tuple[float, float, float] | None
    """STAGES of the predictor by its own count: means of the block."""
    cpu: dict[str, float | None]
    client_cores: float
    wrong: str | None
    """What is wrong with the last answer of the block."""
    rss: dict[str, int] = field(default_factory=dict)
    """Resident bytes by role, at the end of the block."""

    @property
    def stages(self) -> Values:
        """The columns STAGES of what was told."""
        return self.told[:, 1:4]

    @property
    def predictor_ms(self) -> float | None:
        return None if self.predictor is None else sum(self.predictor)

    @property
    def requests(self) -> int:
        return len(self.latencies)

    @property
    def median(self) -> float:
        return float(np.median(self.latencies)) if len(self.latencies) else 0.0


@dataclass
class Series:
    """All blocks of one arm at one point. `rate` and `share` (of capacity) are those of an open loop."""

    predictor: str
    hop: Hop
    arm: str
    mode: Mode
    connections: int
    rate: float | None = None
    share: float | None = None
    blocks: list[Block] = field(default_factory=list)

    @property
    def latencies(self) -> Values:
        return _joined([block.latencies for block in self.blocks])

    @property
    def uncorrected(self) -> Values:
        return _joined([block.uncorrected for block in self.blocks])

    @property
    def throughput(self) -> float:
        return float(np.median([block.rate for block in self.blocks])) if self.blocks else 0.0

    def cpu(self, role: str) -> float | None:
        values = [value for block in self.blocks if (value := block.cpu.get(role)) is not None]
        return float(np.median(values)) if values else None

    def rss(self, role: str) -> int | None:
        return max((block.rss[role] for block in self.blocks if role in block.rss), default=None)


@dataclass(frozen=True)
class Codec:
    """Milliseconds to make a request and to read its answer."""

    encode: float
    decode: float


@dataclass
class Probe:
    """Requests beside what is asked about, by block: `latencies` and `told` as there, the predictor's `own` time."""

    latencies: list[Values] = field(default_factory=list)
    told: list[Values] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    answer: bytes = b""
    json_length: str = ""


@dataclass(frozen=True)
class OnTheWire:
    """Bytes per request, both directions of a connection, headers and frames included; and the protocol seen."""

    up: float
    down: float
    protocol: str

    @property
    def total(self) -> float:
        return self.up + self.down


@dataclass(frozen=True)
class Warm:
    """How the warm-up of an arm went, and what its very first request took. `spread` is the factor by which the last
    windows differ; None where one of them had no answers.
    """

    warm: bool
    steady: bool
    spread: float | None
    windows: int
    cold_ms: float
    tcp: int | None
    connections: int


@dataclass(frozen=True)
class CurvePoint:
    """A tensor of `size` bytes sent to the predictor itself. Milliseconds by block; `body` is the request's length."""

    arm: str
    size: int
    body: int
    medians: tuple[float, ...]
    rates: tuple[float, ...]
    requests: int
    fault: str | None


@dataclass(frozen=True)
class CrossCheck:
    """The same point by another engine, at one user. Milliseconds: `theirs` is its median, `ours` the lowest and the
    highest one of ours before and after; `own` and `spent` what the engines' clients take of CPU per request.
    """

    arm: str
    engine: str
    theirs: float
    ours: tuple[float, float]
    requests: int
    failures: int
    own: float
    spent: float

    @property
    def agrees(self) -> bool:
        low, high = self.ours[0] - self.spent, self.ours[1] + self.own
        return not self.failures and low * (1 - MARGIN) <= self.theirs <= high * (1 + MARGIN)


@dataclass
class Findings:
    """Keys of the tables are (predictor, hop, arm)."""

    about: dict[str, Any]
    series: list[Series] = field(default_factory=list)
    wire: dict[tuple[str, Hop, str], OnTheWire] = field(default_factory=dict)
    warm: dict[tuple[str, Hop, str], Warm] = field(default_factory=dict)
    missing: dict[tuple[str, Hop, str], str] = field(default_factory=dict)
    apart: dict[tuple[str, Hop], float] = field(default_factory=dict)
    """By how much the arms' answers differ at most."""
    differ: list[str] = field(default_factory=list)
    again: dict[tuple[str, Hop, str], Probe] = field(default_factory=dict)
    """The same request once more."""
    inside: dict[tuple[str, str], Probe] = field(default_factory=dict)
    """The client's request past the ingress, by predictor and arm."""
    direct: dict[tuple[str, str], Probe] = field(default_factory=dict)
    """The transformer's request straight to the predictor, by predictor and arm."""
    client: dict[str, Codec] = field(default_factory=dict)
    """What the client takes to make the request of a picture's file and to read the answer's numbers, by arm."""
    transformer: dict[tuple[str, str], Codec] = field(default_factory=dict)
    """The same of the transformer on its hop, by predictor and arm."""
    curve: list[CurvePoint] = field(default_factory=list)
    cross: list[CrossCheck] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stopped: str | None = None

    def at(self, predictor: str, hop: Hop, mode: Mode, connections: int | None = None) -> list[Series]:
        return [
            one
            for one in self.series
            if (one.predictor, one.hop, one.mode) == (predictor, hop, mode) and connections in (None, one.connections)
        ]

    def find(self, predictor: str, hop: Hop, arm: str, connections: int) -> Series | None:
        found = (one for one in self.at(predictor, hop, "closed", connections) if one.arm == arm)
        return next(found, None)

    @property
    def predictors(self) -> list[str]:
        return list(dict.fromkeys(one.predictor for one in self.series))

    def levels(self, predictor: str, hop: Hop) -> list[int]:
        """The numbers of connections of the closed loops, ascending."""
        return sorted({one.connections for one in self.at(predictor, hop, "closed")})


def is_control(arm: str) -> bool:
    return arm.endswith(AGAIN)


def _joined(parts: list[Values]) -> Values:
    return np.concatenate(parts) if parts else np.empty(0)
