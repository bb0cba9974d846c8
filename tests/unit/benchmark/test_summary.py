"""Medians, spreads and paired ratios."""

import math

import pytest

from benchmark import summary
from benchmark.summary import Spread


def test_a_spread_is_the_median_with_the_lowest_and_the_highest() -> None:
    assert summary.spread([3, 1, 2]) == Spread(2, 1, 3)


def test_ratios_are_made_round_by_round_so_that_a_slow_round_of_both_drops_out() -> None:
    assert summary.paired([100, 50, 200], [50, 25, 100]) == Spread(2, 2, 2)


def test_a_contender_that_answered_nothing_makes_the_ratio_infinite_and_no_error() -> None:
    assert summary.paired([10], [0]).median == math.inf


def test_rounds_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        summary.paired([1, 2], [1])


def test_a_ratio_to_a_contender_that_was_left_out_is_none(measure) -> None:
    measured = measure({"modelapi": [100], "floor": [200]})
    assert summary.ratio(measured, "modelapi", "floor", 8) == Spread(0.5, 0.5, 0.5)
    assert summary.ratio(measured, "modelapi", "kserve", 8) is None


def test_contenders_come_in_the_order_of_measuring(measure) -> None:
    assert summary.contenders(measure({"modelapi": [1], "kserve": [1], "floor": [1]})) == [
        "modelapi",
        "kserve",
        "floor",
    ]


def test_errors_of_all_rounds_and_contenders_are_added_up(measure) -> None:
    assert summary.errors(measure({"modelapi": [1, 1], "kserve": [1, 1]}, errors=3)) == 12
