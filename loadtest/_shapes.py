"""How many users there are at which moment: steady, a ramp in steps, or a spike. The numbers are pure."""

from __future__ import annotations

from locust import LoadTestShape

SHAPES = ("steady", "ramp", "spike")
_STEPS = 8
_SPIKE = (0.4, 0.6)
_CALM = 0.2


def users_at(shape: str, moment: float, seconds: float, most: int) -> int | None:
    """Users at `moment` of `seconds`, at most `most` and at least one; None when it is over.

    ramp: _STEPS equal steps up. spike: a fifth of the users, all of them in the middle fifth of the time.
    """
    if moment >= seconds:
        return None
    share = moment / seconds
    if shape == "ramp":
        return max(1, round(most * min(_STEPS, int(share * _STEPS) + 1) / _STEPS))
    if shape == "spike":
        return most if _SPIKE[0] <= share < _SPIKE[1] else max(1, round(most * _CALM))
    return most


class Shape(LoadTestShape):
    """One of SHAPES, for as long as `-t` says and with as many users as `-u` says."""

    use_common_options = True

    def __init__(self, shape: str, seconds: float, most: int, spawn_rate: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Locust has no types
        self._shape, self._seconds, self._most, self._rate = shape, seconds, most, spawn_rate

    def tick(self) -> tuple[int, float] | None:
        moment: float = self.get_run_time()  # type: ignore[no-untyped-call]  # as above
        users = users_at(self._shape, moment, self._seconds, self._most)
        return None if users is None else (users, self._rate)
