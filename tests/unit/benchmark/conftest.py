"""Measurements made up for the tests of what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from benchmark.cells import CELLS, Contender
from benchmark.load.driver import Sample
from benchmark.rounds import Measured

Measure = Callable[..., Measured]


def sample(rate: float, errors: int = 0, **more: float) -> Sample:
    fields = {"p50_ms": 5.0, "p99_ms": 9.0, "server_cpu_ms": 0.5, "predictor_cpu_ms": 0.25, "client_cores": 0.1}
    return Sample(requests_per_second=rate, errors=errors, requests=int(rate), server_cores=0.5, **{**fields, **more})


@pytest.fixture
def measure() -> Measure:
    def made(rates: dict[Contender, Sequence[float]], cell: int = 0, errors: int = 0) -> Measured:
        return Measured(
            cell=CELLS[cell],
            samples={(name, 8): [sample(rate, errors) for rate in found] for name, found in rates.items()},
            peak_rss=dict.fromkeys(rates, 100 * 2**20),
            commands={name: ("python", name) for name in rates},
        )

    return made


@pytest.fixture
def one_sample() -> Callable[..., Sample]:
    return sample
