"""When what is sent: blocks that interleave the arms, and Poisson arrivals. Pure; the seed decides everything."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


def blocks(arms: Sequence[T], count: int, seed: int) -> list[tuple[T, ...]]:
    """`count` blocks with every arm in each: shuffled ones and, after each, its reverse (ABC CBA), so that a machine
    that drifts favours nobody and nobody is always after the same neighbour.
    """
    chance = np.random.default_rng(seed)
    made: list[tuple[T, ...]] = []
    while len(made) < count:
        order = [arms[index] for index in chance.permutation(len(arms))]
        made += [tuple(order), tuple(reversed(order))]
    return made[:count]


def poisson(rate: float, seconds: float, seed: int) -> NDArray[np.float64]:
    """Seconds after the start at which requests are meant to be sent, `rate` per second on average."""
    if rate <= 0 or seconds <= 0:
        return np.empty(0)
    chance = np.random.default_rng(seed)
    count = chance.poisson(rate * seconds)
    return np.sort(chance.uniform(0, seconds, count))
