"""What servers tell about themselves: Server-Timing headers, and a predictor's own count of its time."""

import http.client
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmark.compare.findings import STAGES
from benchmark.compare.quantiles import Values

_METRIC = re.compile(r'^request_(\w+)_seconds_(sum|count)\{model_name="([^"]+)"\} (\S+)$', re.MULTILINE)
_DURATION = re.compile(r"(\w+);dur=([0-9.]+)")
_SECONDS = 5.0


@dataclass(frozen=True)
class Counted:
    """What a predictor has done since its start."""

    seconds: float
    requests: int


def stages(timings: Iterable[str]) -> Values:
    """One row (preprocess, predict, postprocess; milliseconds) for each Server-Timing header that has them all."""
    rows = []
    for timing in timings:
        told = dict(_DURATION.findall(timing))
        if all(stage in told for stage in STAGES):
            rows.append([float(told[stage]) for stage in STAGES])
    return np.asarray(rows).reshape(-1, len(STAGES))


def counted(address: str, model: str) -> Counted | None:
    """From Triton's statistics or, at a server of the Model API, from its metrics; None where there is neither."""
    if (page := _get(address, f"/v2/models/{model}/stats")) is not None:
        return of_triton(page)
    page = _get(address, "/metrics")
    return of_metrics(page, model) if page is not None else None


def of_triton(page: str) -> Counted | None:
    """All of `success`: queue, input, inference and output."""
    try:
        success = json.loads(page)["model_stats"][0]["inference_stats"]["success"]
    except (ValueError, KeyError, IndexError):
        return None
    return Counted(success["ns"] / 1e9, success["count"])


def of_metrics(page: str, model: str) -> Counted | None:
    found = {(step, what): float(value) for step, what, name, value in _METRIC.findall(page) if name == model}
    if ("predict", "count") not in found:
        return None
    seconds = sum(value for (step, what), value in found.items() if what == "sum" and step in STAGES)
    return Counted(seconds, int(found["predict", "count"]))


def mean_ms(before: Counted | None, after: Counted | None) -> float | None:
    """Milliseconds per request between two counts."""
    if before is None or after is None or after.requests <= before.requests:
        return None
    return (after.seconds - before.seconds) / (after.requests - before.requests) * 1000


def _get(address: str, path: str) -> str | None:
    host, _, port = address.rpartition(":")
    link = http.client.HTTPConnection(host, int(port), timeout=_SECONDS)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        return answer.read().decode(errors="replace") if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        link.close()
