"""What is printed, and what is picked out."""

from __future__ import annotations

import pytest

from isvc.server import selectors
from isvc.server.errors import BadRequest
from isvc.server.resources import EVENTS, INFERENCE_SERVICES, PODS
from isvc.server.table import age, table


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0s"),
        (119, "119s"),
        (125, "2m5s"),
        (601, "10m"),
        (10_900, "3h1m"),
        (50_000, "13h"),
        (180_000, "2d2h"),
        (10**6, "11d"),
    ],
)
def test_an_age_is_written_as_kubectl_writes_it(seconds, words):
    assert age("1970-01-01T00:00:00Z", seconds) == words


def test_an_age_that_cannot_be_told_is_unknown():
    assert age("", 5) == "<unknown>"


def test_the_row_of_a_service_is_kserves():
    traffic = [
        {"latestRevision": True, "percent": 80, "revisionName": "x-00002"},
        {"latestRevision": False, "percent": 20, "revisionName": "x-00001", "tag": "prev"},
    ]
    body = {
        "metadata": {"name": "x", "creationTimestamp": "1970-01-01T00:00:00Z"},
        "status": {
            "url": "http://x",
            "conditions": [{"type": "Ready", "status": "True"}],
            "components": {"predictor": {"traffic": traffic}},
        },
    }
    assert table(INFERENCE_SERVICES, [body], "1", 5)["rows"][0]["cells"] == [
        "x", "http://x", "True", 20, 80, "x-00001", "x-00002", "5s",
    ]  # fmt: skip
    bare = table(INFERENCE_SERVICES, [{"metadata": {"name": "x"}}], "1", 5)["rows"][0]["cells"]
    assert bare == ["x", None, None, None, None, None, None, "<unknown>"]


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ({"phase": "Pending"}, "Pending"),
        ({"initContainerStatuses": [{"state": {"running": {}}}]}, "Init:0/1"),
        ({"initContainerStatuses": [{"state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}, "Init:Error"),
        ({"initContainerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}, "Init:CrashLoopBackOff"),
        ({"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}, "CrashLoopBackOff"),
        ({"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}, "Running"),
    ],
)
def test_a_pods_status_is_the_reason_why_it_does_not_run(status, word):
    body = {"metadata": {"name": "x"}, "spec": {"containers": [{}]}, "status": status}
    assert table(PODS, [body], "1", 5)["rows"][0]["cells"][2] == word


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("a=b", True),
        ("a==b", True),
        ("a!=b", False),
        ("x!=b", True),
        ("a", True),
        ("!a", False),
        ("!x", True),
        ("a in (b, c)", True),
        ("a notin (b,c)", False),
        ("a in (c),a", False),
        ("a=b,c=", True),
    ],
)
def test_a_label_selector_picks_by_labels(text, matches):
    body = {"metadata": {"labels": {"a": "b", "c": ""}}}
    assert selectors.parse(INFERENCE_SERVICES, text, "").matches(body) is matches


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("metadata.name=x", True),
        ("metadata.name!=x", False),
        ("involvedObject.kind=Pod,reason=Started", True),
        ("involvedObject.uid=1", False),
        ("source=kubelet", True),
    ],
)
def test_a_field_selector_picks_by_the_fields_that_it_may_name(text, matches):
    body = {
        "metadata": {"name": "x"},
        "reason": "Started",
        "involvedObject": {"kind": "Pod"},
        "source": {"component": "kubelet"},
    }
    assert selectors.parse(EVENTS, "", text).matches(body) is matches


@pytest.mark.parametrize(("labels", "fields"), [("a b", ""), ("=b", ""), ("", "spec.x=1"), ("", "name")])
def test_a_selector_that_means_nothing_is_refused(labels, fields):
    with pytest.raises(BadRequest):
        selectors.parse(INFERENCE_SERVICES, labels, fields)
