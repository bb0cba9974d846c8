"""What servers tell about themselves: Server-Timing headers, and a predictor's own count of its time."""

import http.client
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmark.compare.findings import STAGES, TOLD
from benchmark.compare.quantiles import Values

_METRIC = re.compile(r'^request_(\w+)_seconds_(sum|count)\{model_name="([^"]+)"\} (\S+)$', re.MULTILINE)
_DURATION = re.compile(r"(\w+);dur=([0-9.]+)")
_SECONDS = 5.0


@dataclass(frozen=True)
class Counted:
    """What a predictor has done since its start: seconds of each of STAGES, and requests."""

    seconds: tuple[float, float, float]
    requests: int


def told(timings: Iterable[str]) -> Values:
    """One row (TOLD, milliseconds) for each Server-Timing header that has the STAGES; what else it lacks is NaN."""
    rows = []
    for timing in timings:
        found = dict(_DURATION.findall(timing))
        if all(stage in found for stage in STAGES):
            rows.append([float(found.get(step, math.nan)) for step in TOLD])
    return np.asarray(rows).reshape(-1, len(TOLD))


def counted(address: str, model: str) -> Counted | None:
    """From Triton's statistics or, at a server of the Model API, from its metrics; None where there is neither."""
    if (page := _get(address, f"/v2/models/{model}/stats")) is not None:
        return of_triton(page)
    page = _get(address, "/metrics")
    return of_metrics(page, model) if page is not None else None


def of_triton(page: str) -> Counted | None:
    """Queue and input are its preprocess, inference its predict, output its postprocess."""
    try:
        found = json.loads(page)["model_stats"][0]["inference_stats"]
        queue, *steps = (
            found[name]["ns"] / 1e9 for name in ("queue", "compute_input", "compute_infer", "compute_output")
        )
        requests = found["success"]["count"]
    except (ValueError, KeyError, IndexError):
        return None
    return Counted((queue + steps[0], steps[1], steps[2]), requests)


def of_metrics(page: str, model: str) -> Counted | None:
    found = {(step, what): float(value) for step, what, name, value in _METRIC.findall(page) if name == model}
    if ("predict", "count") not in found:
        return None
    preprocess, predict, postprocess = (found.get((step, "sum"), 0.0) for step in STAGES)
    return Counted((preprocess, predict, postprocess), int(found["predict", "count"]))


def mean_ms(before: Counted | None, after: Counted | None) -> tuple[float, float, float] | None:
    """Milliseconds per request of each of STAGES, between two counts."""
    if before is None or after is None or after.requests <= before.requests:
        return None
    requests = after.requests - before.requests
    preprocess, predict, postprocess = (
        (late - early) / requests * 1000 for early, late in zip(before.seconds, after.seconds, strict=True)
    )
    return preprocess, predict, postprocess


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
