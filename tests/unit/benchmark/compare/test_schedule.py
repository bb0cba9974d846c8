"""Interleaving and arrivals."""

import numpy as np

from benchmark.compare import schedule


def test_every_block_has_every_arm_once_and_its_mirror_follows() -> None:
    made = schedule.blocks("ABCD", 6, seed=3)
    assert all(sorted(block) == list("ABCD") for block in made)
    assert [made[1], made[3], made[5]] == [made[0][::-1], made[2][::-1], made[4][::-1]]


def test_an_odd_number_of_blocks_is_what_was_asked_for() -> None:
    assert len(schedule.blocks("AB", 5, seed=1)) == 5


def test_the_seed_decides_the_order() -> None:
    assert schedule.blocks("ABCDE", 4, seed=1) == schedule.blocks("ABCDE", 4, seed=1)
    assert schedule.blocks("ABCDE", 4, seed=1) != schedule.blocks("ABCDE", 4, seed=2)


def test_arrivals_are_poisson() -> None:
    times = schedule.poisson(1000, 20, seed=5)
    gaps = np.diff(times)
    assert abs(len(times) - 20_000) < 600
    assert times.min() >= 0
    assert times.max() < 20
    assert abs(gaps.std() / gaps.mean() - 1) < 0.05


def test_no_rate_is_no_arrivals() -> None:
    assert len(schedule.poisson(0, 5, seed=1)) == 0
