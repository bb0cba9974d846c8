"""Percentiles of Locust's requests are values that were measured, and none comes from too few."""

from _exact import Times, table


def times(count: int, name: str = "V2 gRPC", failed: int = 0) -> Times:
    made = Times()
    for number in range(count):
        made.add(name, number + 0.25, number < failed)
    return made


def test_percentiles_are_exact() -> None:
    made = times(1000)
    assert made.percentile("V2 gRPC", 0.5) == 499.25
    assert made.percentile("V2 gRPC", 0.99) == 989.25


def test_a_percentile_of_too_few_is_none() -> None:
    assert times(999).percentile("V2 gRPC", 0.99) is None
    assert times(0).percentile("V2 gRPC", 0.5) is None


def test_workers_hand_over_what_they_noted_once() -> None:
    master, worker = times(10, failed=1), times(15, failed=2)
    master.put(worker.take())
    master.put(worker.take())
    assert master.count("V2 gRPC") == 25
    assert master.failures("V2 gRPC") == 3
    assert worker.names() == []


def test_the_table_says_where_there_were_too_few() -> None:
    text = table(times(30).summary())
    assert "14.250" in text
    assert "too few" in text
