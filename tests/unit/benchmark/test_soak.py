"""Growth of memory, from curves."""

import pytest

from benchmark.soak import growth


def test_memory_that_rises_during_the_warm_up_alone_has_not_grown() -> None:
    curve = [(float(at), 50 if at < 20 else 100) for at in range(101)]
    assert growth(curve) == 0


def test_memory_that_keeps_rising_has_grown() -> None:
    curve = [(float(at), 100 + at) for at in range(101)]
    assert growth(curve) == pytest.approx(195 / 125 - 1)


def test_a_single_spike_is_no_growth() -> None:
    curve = [(float(at), 500 if at == 97 else 100) for at in range(101)]
    assert growth(curve) == 0


def test_a_soak_too_short_for_a_curve_has_not_grown() -> None:
    assert growth([]) == 0
    assert growth([(0.2, 100)]) == 0
