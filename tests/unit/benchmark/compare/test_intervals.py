"""Confidence intervals over blocks."""

import numpy as np
import pytest

from benchmark.compare import intervals


def test_too_few_blocks_give_no_interval() -> None:
    assert intervals.ratio([1, 1, 1], [1, 1, 1]) is None
    assert intervals.mean([1, 2, 3]) is None


def test_blocks_that_agree_give_their_ratio() -> None:
    found = intervals.ratio([2, 4, 6, 8], [1, 2, 3, 4])
    assert found is not None
    assert found.value == pytest.approx(2)
    assert found.low == pytest.approx(2)
    assert found.high == pytest.approx(2)


def test_a_drift_that_both_arms_share_does_not_widen_the_interval() -> None:
    drift = np.array([1, 2, 4, 8, 16.0])
    found = intervals.ratio(list(drift * 1.1), list(drift))
    assert found is not None
    assert found.high - found.low < 1e-9


@pytest.mark.parametrize("blocks", [4, 5, 8, 20])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(blocks: int) -> None:
    chance = np.random.default_rng(7)
    held = 0
    for seed in range(200):
        base, other = chance.lognormal(0, 0.1, (2, blocks))
        found = intervals.ratio(list(other), list(base), seed)
        held += found is not None and found.holds(1)
    assert held >= 180


def test_what_is_not_positive_has_no_ratio() -> None:
    assert intervals.ratio([0, 1, 1, 1], [1, 1, 1, 1]) is None


def test_students_t_goes_down_to_the_normal() -> None:
    values = [intervals.student(freedom) for freedom in (1, 4, 15, 16, 100)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(1.98, abs=0.01)
