"""Events have KServe's attributes, and the sink shows them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from kserve_agent.dump import line
from kserve_agent.events import REQUEST, Source, event

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
SOURCE = Source("iris", "default", "predictor", ("X-Team",), {"owner": "botany"})


def test_an_event_says_what_kserves_says() -> None:
    headers = {"Content-Type": "application/json", "X-Team": "flowers", "Authorization": "secret"}
    made = event(REQUEST, SOURCE, "id-1", "/v1/models/iris:predict", headers, b"{}", NOW)
    assert made.body == b"{}"
    assert made.headers == {
        "ce-specversion": "1.0",
        "ce-type": "org.kubeflow.serving.inference.request",
        "ce-id": "id-1",
        "ce-source": "iris-predictor",
        "ce-time": "2026-03-01T09:30:00Z",
        "ce-recordedtime": "2026-03-01T09:30:00Z",
        "ce-inferenceservicename": "iris",
        "ce-namespace": "default",
        "ce-component": "predictor",
        "ce-endpoint": "/v1/models/iris:predict",
        "ce-metadata": '{"X-Team": ["flowers"]}',
        "ce-annotations": '{"owner": "botany"}',
        "Content-Type": "application/json",
    }


def test_the_sink_shows_an_event_as_a_line_of_json() -> None:
    shown = json.loads(line({"Ce-Type": "t", "Ce-Id": "1", "Content-Type": "x"}, b'{"a": 1}'))
    assert shown == {"type": "t", "id": "1", "data": {"a": 1}}
    assert json.loads(line({}, b"\xff no json"))["data"].endswith(" no json")
