"""Honesty: equal arms give no verdict, a slower one is found, and what voids a verdict is said."""

import numpy as np
import pytest

from benchmark.compare import verdict
from benchmark.compare.quantiles import exact

BLOCKS, REQUESTS, NOISE = 6, 200, 0.05


def measured(chance: np.random.Generator, slower: float = 1.0) -> tuple[list[float], list[float], list[float]]:
    """Medians by block of another arm, a base and the base again, on a machine whose speed wanders."""
    moods = np.exp(np.cumsum(chance.normal(0, NOISE, BLOCKS)))
    arms = []
    for factor in (slower, 1.0, 1.0):
        blocks = [
            exact(chance.gamma(9, 1 / 9, REQUESTS) * factor * mood * chance.lognormal(0, NOISE / 2), 0.5) or 0.0
            for mood in moods
        ]
        arms.append(blocks)
    return arms[0], arms[1], arms[2]


def found(seed: int, slower: float = 1.0) -> bool:
    other, base, control = measured(np.random.default_rng(seed), slower)
    return verdict.decide(other, base, (control, base), seed=seed).found


def test_two_identical_arms_give_no_verdict_in_nine_of_ten_seeds() -> None:
    assert sum(not found(seed) for seed in range(100)) >= 90


def test_a_fifth_slower_arm_is_found_in_nine_of_ten_seeds() -> None:
    assert sum(found(seed, slower=1.2) for seed in range(100)) >= 90


def test_a_control_that_differs_voids_the_verdict() -> None:
    same = [1.0, 1.01, 0.99, 1.0]
    decided = verdict.decide([2.0] * 4, same, ([1.2, 1.21, 1.19, 1.2], same))
    assert not decided.found
    assert "A/A control" in decided.reasons[0]


def test_a_fairness_check_that_failed_voids_the_verdict_and_is_named() -> None:
    decided = verdict.decide([2.0] * 4, [1.0] * 4, ([1.0] * 4, [1.0] * 4), voids=["the client took 93 % of its cores"])
    assert not decided.found
    assert decided.reasons == ("the client took 93 % of its cores",)
    assert decided.ratio is not None


def test_too_few_blocks_are_said() -> None:
    decided = verdict.decide([2.0] * 3, [1.0] * 3, ([1.0] * 3, [1.0] * 3))
    assert decided.ratio is None
    assert "3 blocks" in decided.reasons[0]


def test_a_sure_difference_that_is_tiny_is_none() -> None:
    base = [1.0, 1.0, 1.0, 1.0]
    decided = verdict.decide([1.01] * 4, base, (base, base))
    assert "smaller than 2%" in decided.reasons[0]


@pytest.mark.parametrize(("slower", "word"), [(1.5, "x1.50"), (0.5, "x0.50")])
def test_a_ratio_is_told_with_its_interval(slower: float, word: str) -> None:
    decided = verdict.decide([slower] * 4, [1.0] * 4, ([1.0] * 4, [1.0] * 4))
    assert decided.found
    assert decided.ratio is not None
    assert verdict.told(decided.ratio).startswith(word)
