"""Axes and numbers of the report."""

import pytest

from benchmark.compare.report import words
from benchmark.compare.report.scales import Scale, around


def test_a_scale_goes_from_place_to_place() -> None:
    scale = Scale(1, 100, 0, 200, log=True)
    assert [scale.at(value) for value in (1, 10, 100)] == [0, 100, 200]


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale(0, 100, 0, 1), [0, 20, 40, 60, 80, 100]),
        (Scale(0.9, 1100, 0, 1, log=True), [1, 10, 100, 1000]),
        (Scale(1.5, 9, 0, 1, log=True), [2, 5]),
        (Scale(40, 4 << 20, 0, 1, log=True, binary=True), [64, 512, 4096, 32768, 262144, 2097152]),
    ],
)
def test_ticks_are_round(scale: Scale, ticks: list[float]) -> None:
    assert scale.ticks() == ticks


@pytest.mark.parametrize("log", [True, False])
def test_a_scale_holds_its_values_even_a_single_one(log: bool) -> None:
    scale = around([5.0], 0, 100, log)
    assert scale.low < 5 < scale.high
    assert scale.ticks()


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0, "0"), (1234.5, "1,234"), (12.345, "12.3"), (1.2345, "1.23"), (0.012345, "0.0123")],
)
def test_numbers_have_three_digits(value: float | None, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(("value", "text"), [(48, "48"), (12288, "12 K"), (4 << 20, "4 M"), (1536, "1.5 K")])
def test_sizes_at_an_axis_are_short(value: float, text: str) -> None:
    assert words.bytes_tick(value) == text
