"""Metrics under KServe's names."""

import pytest

from modelapi import metrics
from modelapi.model import InferenceVerb, Timings


def test_steps_are_counted_by_model_under_kserves_names() -> None:
    metrics.observe("test-metrics", InferenceVerb.PREDICT, Timings(0.01, 0, 0.02, 0.03))
    metrics.observe("test-metrics", InferenceVerb.EXPLAIN, Timings(0.01, 0.5, 0, 0.03))
    text, content_type = metrics.exposition("")
    assert content_type.startswith("text/plain; version=")
    page = text.decode()
    assert 'request_preprocess_seconds_count{model_name="test-metrics"} 2.0' in page
    assert 'request_predict_seconds_sum{model_name="test-metrics"} 0.02' in page
    assert 'request_explain_seconds_sum{model_name="test-metrics"} 0.5' in page
    assert 'request_postprocess_seconds_count{model_name="test-metrics"} 2.0' in page


def test_a_scraper_may_ask_for_open_metrics() -> None:
    metrics.prepare()
    text, content_type = metrics.exposition("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")


def test_the_histograms_have_kserves_names_in_python_too() -> None:
    assert metrics.PRE_HIST_TIME is metrics.histogram("preprocess")
    with pytest.raises(AttributeError, match="NOTHING_SUCH"):
        metrics.NOTHING_SUCH  # noqa: B018
