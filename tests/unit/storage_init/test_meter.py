import pytest

from storage_init.errors import Stopped
from storage_init.meter import Meter, Pace, size


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_line_a_second_at_most_names_bytes_and_share() -> None:
    clock, lines = Clock(), []
    meter = Meter("https://host/x", lines.append, clock)
    meter.begin("fetched", 4_000_000)
    for _ in range(10):
        clock.now += 0.25
        meter.advance(100_000)
    assert lines == [
        "https://host/x: fetched 400.0 kB of 4.0 MB (10%), 400.0 kB/s",
        "https://host/x: fetched 800.0 kB of 4.0 MB (20%), 400.0 kB/s",
    ]


def test_without_a_total_only_what_came_is_said() -> None:
    clock, lines = Clock(), []
    meter = Meter("x", lines.append, clock)
    meter.begin("copied")
    clock.now += 2
    meter.advance(10)
    assert lines == ["x: copied 10 B, 5 B/s"]
    assert meter.summary() == "x: copied 10 B in 2.0 s"


def test_a_new_activity_counts_from_zero() -> None:
    meter = Meter("x", lambda line: None)
    meter.begin("fetched", 5)
    meter.advance(5)
    meter.begin("unpacked")
    assert (meter.done, meter.total) == (0, None)


def test_a_stopped_meter_stops_whoever_advances_it() -> None:
    meter = Meter("x", lambda line: None)
    meter.stop()
    with pytest.raises(Stopped):
        meter.advance(1)


def test_a_drip_does_not_keep_the_pace_and_a_slow_stream_does() -> None:
    clock = Clock()
    pace = Pace(window=60, least=600, clock=clock)

    def bring(count: int) -> bool:
        clock.now += 10
        return pace.keeps(count)

    assert all(bring(100) for _ in range(12))
    assert [bring(99) for _ in range(6)] == [True] * 5 + [False]
    assert str(pace) == "less than 600 B in 60 s"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (3_400_000_000, "3.4 GB"), (2e12, "2.0 TB")]
)
def test_sizes_are_decimal(count: float, text: str) -> None:
    assert size(count) == text
