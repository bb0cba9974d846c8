"""Percentiles are observed values, and only where there are enough."""

import numpy as np
import pytest

from benchmark.compare import quantiles


@pytest.mark.parametrize(("quantile", "count"), [(0.5, 20), (0.9, 100), (0.99, 1000), (0.999, 10000)])
def test_a_percentile_needs_ten_values_beyond_it(quantile: float, count: int) -> None:
    assert quantiles.needed(quantile) == count
    assert quantiles.exact(range(count - 1), quantile) is None
    assert quantiles.exact(range(count), quantile) is not None


@pytest.mark.parametrize(("quantile", "value"), [(0.5, 500), (0.9, 900), (0.99, 990)])
def test_a_percentile_is_the_value_of_its_rank(quantile: float, value: int) -> None:
    values = np.random.default_rng(1).permutation(np.arange(1, 1001))
    assert quantiles.exact(values, quantile) == value


def test_nothing_is_rounded() -> None:
    assert quantiles.exact([0.123456789] * 20, 0.5) == 0.123456789


def test_the_table_names_what_there_is_and_what_there_is_not() -> None:
    assert quantiles.table([1.0] * 100) == {"p50": 1.0, "p90": 1.0, "p99": None, "p99.9": None}
