import pytest

from benchmark.compare.stability import Window, spread, steady, warm


def windows(*latencies: float) -> list[Window]:
    return [Window(1000 / latency, latency) for latency in latencies]


@pytest.mark.parametrize(
    ("latencies", "agree"),
    [((1, 1, 1), True), ((5, 1, 1.05, 1.09), True), ((1, 1.2, 1), False), ((1, 1), False), ((), False)],
)
def test_windows_are_steady_when_the_last_three_agree(latencies: tuple[float, ...], agree: bool) -> None:
    assert steady(windows(*latencies)) is agree


@pytest.mark.parametrize(
    ("latencies", "is_warm"),
    [
        ((1, 1, 1), True),
        ((9, 5, 3, 2, 1), False),  # still getting faster
        ((9, 1.0, 1.5, 1.0, 1.3), True),  # a busy machine: up and down, and no faster than before
        ((9, 1.5, 1.6, 1.0, 1.3), False),
        ((1, 2, 1, 2), False),  # too few to say
    ],
)
def test_an_arm_is_warm_when_it_has_stopped_getting_faster(latencies: tuple[float, ...], is_warm: bool) -> None:
    assert warm(windows(*latencies)) is is_warm


def test_a_window_without_answers_is_neither() -> None:
    nothing = [Window(0, 1)] * 5
    assert not steady(nothing)
    assert not warm(nothing)
    assert spread(nothing) == float("inf")
