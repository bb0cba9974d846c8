"""Everything that one run found, as values; and as JSON."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from benchmark.cells import CONTENDERS, Contender
from benchmark.footprint import Footprint
from benchmark.rounds import Measured, Run
from benchmark.soak import Soak
from benchmark.summary import contenders, ratio
from benchmark.workers import Workers


@dataclass(frozen=True)
class Results:
    """Parts that were not asked for are empty or None."""

    machine: dict[str, Any]
    command: str
    run: Run
    predictors: dict[str, str]
    clients: dict[str, str]
    measured: list[Measured]
    footprint: dict[Contender, Footprint]
    workers: Workers | None
    soak: Soak | None


def to_json(results: Results, verdicts: list[Any]) -> str:
    """Every sample of every round, so that anybody can summarise them otherwise."""
    document = {
        **{name: getattr(results, name) for name in ("machine", "command", "predictors", "clients")},
        "run": asdict(results.run),
        "cells": [_cell(measured) for measured in results.measured],
        "footprint": {sdk: asdict(found) for sdk, found in results.footprint.items()},
        "workers": asdict(results.workers) if results.workers else None,
        "soak": asdict(results.soak) if results.soak else None,
        "verdicts": [asdict(verdict) for verdict in verdicts],
    }
    return json.dumps(document, indent=1)


def _cell(measured: Measured) -> dict[str, Any]:
    connections = sorted({count for _, count in measured.samples})
    return {
        **asdict(measured.cell),
        "commands": measured.commands,
        "peak_rss": measured.peak_rss,
        "samples": [
            {"contender": contender, "connections": count, "rounds": [asdict(sample) for sample in samples]}
            for (contender, count), samples in measured.samples.items()
        ],
        "ratios": [
            {"of": "modelapi", "to": other, "connections": count, **asdict(found)}
            for count in connections
            for other in contenders(measured)
            if other in CONTENDERS[1:] and (found := ratio(measured, "modelapi", other, count))
        ],
    }
