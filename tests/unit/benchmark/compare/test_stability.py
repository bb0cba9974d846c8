"""Warm-up ends by stability."""

import pytest

from benchmark.compare.stability import Window, stable


@pytest.mark.parametrize(
    ("rates", "warm"),
    [
        ([100, 100], False),
        ([50, 100, 105, 109], True),
        ([100, 100, 111], False),
        ([0, 0, 0], False),
    ],
)
def test_the_last_three_windows_have_to_agree(rates: list[float], warm: bool) -> None:
    assert stable([Window(rate, 1.0) for rate in rates]) is warm


def test_latency_has_to_agree_as_well() -> None:
    assert not stable([Window(100, 1.0), Window(100, 1.0), Window(100, 1.2)])
