"""The order of turns."""

from collections import Counter

from benchmark.rounds import turned


def test_every_contender_has_one_turn_a_round() -> None:
    for number in range(8):
        assert sorted(turned("abcd", number)) == list("abcd")


def test_a_round_and_the_next_run_in_opposite_directions() -> None:
    assert turned("abc", 0) == list("abc")
    assert turned("abc", 1) == list("cba")
    assert turned("abc", 2) == list("bca")


def test_over_all_rounds_nobody_is_always_first() -> None:
    first = Counter(turned("abcd", number)[0] for number in range(8))
    assert set(first) == set("abcd")
