"""Limits that a run has to keep, as they are written at the command line. Knows nothing of Locust."""

from __future__ import annotations

import re
from dataclasses import dataclass

from _exact import QUANTILES, Times, needed

_FORM = re.compile(r"(?:(?P<name>[^:]+):)?(?P<what>p[0-9.]+|failures)=(?P<limit>[0-9.]+)")


class ThresholdError(Exception):
    """A limit that cannot be read; the message says how to write one."""


@dataclass(frozen=True)
class Threshold:
    """`what` is a percentile in milliseconds, or `failures`, a share; without a name it is for every user class."""

    name: str | None
    what: str
    limit: float

    def __str__(self) -> str:
        return f"{self.name + ':' if self.name else ''}{self.what}={self.limit:g}"

    def broken(self, times: Times) -> list[str]:
        """What does not keep it, in words; something that was not measured does not keep it either."""
        names = [self.name] if self.name else times.names()
        if not names:
            return [f"{self}: nothing was measured"]
        return [f"{self}: {fault}" for name in names if (fault := self._fault(times, name))]

    def _fault(self, times: Times, name: str) -> str | None:
        count = times.count(name)
        if not count:
            return f"there is no request of {name!r}; there are {', '.join(map(repr, times.names())) or 'none'}"
        if self.what == "failures":
            share = times.failures(name) / count
            return f"{name}: {share:.2%} of {count} failed" if share > self.limit else None
        quantile = QUANTILES[self.what]
        found = times.percentile(name, quantile)
        if found is None:
            return f"{name}: {count} requests are too few for {self.what}, which takes {needed(quantile)}"
        return f"{name}: {self.what} is {found:.3f} ms" if found > self.limit else None


def parse(text: str) -> Threshold:
    """`p99=50`, `V2 gRPC:p95=20`, `failures=0.01`. Raises ThresholdError."""
    found = _FORM.fullmatch(text.strip())
    known = found is not None and (found["what"] == "failures" or found["what"] in QUANTILES)
    if found is None or not known:
        raise ThresholdError(
            f"--threshold {text}: write p99=50 (milliseconds), 'V2 gRPC:p95=20' or failures=0.01 (a share); "
            f"percentiles are {', '.join(QUANTILES)}"
        )
    try:
        return Threshold(found["name"], found["what"], float(found["limit"]))
    except ValueError as exc:
        raise ThresholdError(f"--threshold {text}: {found['limit']!r} is no number") from exc
