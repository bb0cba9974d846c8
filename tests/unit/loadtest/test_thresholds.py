"""Limits: how they are written, and what does not keep one."""

import pytest
from _exact import Times
from _thresholds import Threshold, ThresholdError, parse


def measured() -> Times:
    made = Times()
    for number in range(100):
        made.add("V2 gRPC", float(number), number < 2)
    return made


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("p99=50", Threshold(None, "p99", 50)),
        ("V2 gRPC:p95=2.5", Threshold("V2 gRPC", "p95", 2.5)),
        ("failures=0.01", Threshold(None, "failures", 0.01)),
    ],
)
def test_a_limit_is_read(text: str, threshold: Threshold) -> None:
    assert parse(text) == threshold


@pytest.mark.parametrize("text", ["", "p99", "p98=3", "p99=fast", "p99=1.2.3", "mean=3"])
def test_what_is_no_limit_is_told_how_to_write_one(text: str) -> None:
    with pytest.raises(ThresholdError, match="--threshold"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("p50=60", ""),
        ("p50=10", "p50 is 49.000 ms"),
        ("failures=0.05", ""),
        ("failures=0.01", "2.00% of 100 failed"),
        ("p99=1000", "100 requests are too few for p99, which takes 1000"),
        ("V1 REST:p50=1", "there is no request of 'V1 REST'"),
    ],
)
def test_what_does_not_keep_a_limit_is_said(text: str, words: str) -> None:
    broken = parse(text).broken(measured())
    assert bool(broken) is bool(words)
    assert words in "".join(broken)


def test_a_limit_on_nothing_is_not_kept() -> None:
    assert parse("p50=1").broken(Times()) == ["p50=1: nothing was measured"]
