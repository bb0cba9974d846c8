"""Prometheus metrics under KServe's names: how long each step of each model took.

They live in the process's default registry, together with whatever metrics a user's model defines.
"""

import os
from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from modelapi.model import InferenceVerb, Timings

PROM_LABELS = ["model_name"]
_KSERVES_NAMES = {
    "PRE_HIST_TIME": "preprocess",
    "PREDICT_HIST_TIME": "predict",
    "POST_HIST_TIME": "postprocess",
    "EXPLAIN_HIST_TIME": "explain",
}


@cache
def histogram(step: str) -> Histogram:
    """`request_<step>_seconds`, made once in a process."""
    return Histogram(f"request_{step}_seconds", f"{step} request latency", PROM_LABELS)


@cache
def _of_model(step: str, model_name: str) -> Histogram:
    return histogram(step).labels(**get_labels(model_name))


def get_labels(model_name: str) -> dict[str, str]:
    return {"model_name": model_name}


def observe(model_name: str, verb: InferenceVerb, timings: Timings) -> None:
    """Count one request."""
    _of_model("preprocess", model_name).observe(timings.preprocess)
    if verb is InferenceVerb.PREDICT:
        _of_model("predict", model_name).observe(timings.predict)
    else:
        _of_model("explain", model_name).observe(timings.explain)
    _of_model("postprocess", model_name).observe(timings.postprocess)


def prepare() -> None:
    """Make the metrics, so that they are listed before the first request."""
    for step in ("preprocess", "predict", "postprocess", "explain"):
        histogram(step)


def exposition(accept: str) -> tuple[bytes, str]:
    """The page of metrics in the format that a scraper accepts, and its content type."""
    encode, content_type = choose_encoder(accept)
    return encode(_registry(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))), content_type


def _registry(shared_dir: str | None) -> CollectorRegistry:
    """What to show: this process's metrics, or the sum over the workers where they share a folder."""
    if not shared_dir:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry, shared_dir)  # type: ignore[no-untyped-call]
    return registry


def __getattr__(name: str) -> Histogram:
    """KServe's names of the histograms; one that nobody asks for is made when a server starts."""
    if name in _KSERVES_NAMES:
        return histogram(_KSERVES_NAMES[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
