"""From findings to the document, and to every form in which it is read."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from benchmark.compare.account import account
from benchmark.compare.report import page, plain

CHECKS = [
    "answers equal",
    "protocol on the wire",
    "bytes per request",
    "TCP connections",
    "workers and threads",
    "logging",
    "errors",
    "client CPU",
    "achieved rate",
    "warm",
    "windows steady",
    "A/A control",
    "decomposition sums",
    "engines agree",
]


@pytest.fixture
def document(make: Any) -> dict[str, Any]:
    return account(make())


def told(document: dict[str, Any], name: str) -> Any:
    return next(check["passed"] for check in document["fairness"] if check["name"] == name)


def test_the_panel_is_complete_and_in_order(document: dict[str, Any]) -> None:
    assert [check["name"] for check in document["fairness"]] == CHECKS
    assert told(document, "A/A control") is True
    assert told(document, "engines agree") is True


def test_a_difference_is_found_with_its_size(document: dict[str, Any]) -> None:
    one = next(
        verdict
        for verdict in document["verdicts"]
        if (verdict["hop"], verdict["other"], verdict["metric"]) == ("predictor", "grpc", "p50")
    )
    assert one["found"]
    assert one["ratio"]["low"] < 1.2 < one["ratio"]["high"]
    assert "gRPC against V2 binary, p50: +" in document["headline"]


def test_errors_void_the_verdicts_and_leave_no_percentile(make: Any) -> None:
    document = account(make(errors=3))
    assert told(document, "errors") is False
    assert not any(one["found"] for one in document["verdicts"])
    assert all(one["latency_ms"] == {} for one in document["series"] if one["mode"] == "closed")
    assert "503: away" in document["verdicts"][0]["sentence"]


def test_few_blocks_are_no_verdict(make: Any) -> None:
    document = account(make(blocks=2))
    assert not any(one["found"] for one in document["verdicts"])
    assert "no verdict, because" in document["headline"]


def test_too_few_requests_leave_no_percentile_and_no_verdict(make: Any) -> None:
    findings = make()
    for one in findings.series:
        one.blocks = [replace(block, latencies=block.latencies[:15], told=block.told[:15]) for block in one.blocks]
    document = account(findings)
    p50 = [one for one in document["verdicts"] if one["metric"] == "p50"]
    assert not any(one["found"] for one in p50)
    assert "p50 takes 20 requests in a block, and one has 15" in p50[0]["sentence"]
    assert all(one["latency_ms"]["p99"] is None for one in document["series"] if one["mode"] == "closed")


def test_an_engine_that_sees_something_else_voids_the_verdicts_of_its_hop(make: Any) -> None:
    findings = make()
    findings.cross = [replace(findings.cross[0], theirs=9.0)]
    document = account(findings)
    assert told(document, "engines agree") is False
    assert not any(one["found"] for one in document["verdicts"] if one["hop"] == "client")


def test_a_client_that_is_busy_voids_the_verdicts(make: Any) -> None:
    findings = make()
    for one in findings.at("predictor-mock", "client", "closed", 1):
        one.blocks = [replace(block, client_cores=0.95) for block in one.blocks]
    document = account(findings)
    assert told(document, "client CPU") is False
    assert not any(one["found"] for one in document["verdicts"] if one["hop"] == "client")
    assert any(one["found"] for one in document["verdicts"] if one["hop"] == "predictor")


def test_json_takes_more_bytes_than_raw_bytes(document: dict[str, Any]) -> None:
    assert document["bytes_ratio"]["v1"] > 4.5
    assert document["bytes_ratio"]["grpc"] == pytest.approx(1, abs=0.02)


def test_the_crossover_lies_between_the_points_where_the_faster_one_changes(document: dict[str, Any]) -> None:
    (crossing,) = document["crossovers"]
    assert 12288 < crossing["bytes"] < 602112
    assert crossing["faster_above"] == "grpc"


def test_the_guides_numbers_stand_beside_ours(document: dict[str, Any]) -> None:
    transformers = [row for row in document["guide"] if row["role"] == "transformer"]
    assert [(row["protocol"], row["guide"]) for row in transformers] == [("REST V1", 92.65), ("gRPC V2", 55.05)]
    assert [row["role"] for row in document["guide"]] == ["transformer", "predictor"] * 2
    assert all(row["steps"]["predict"]["interval"] for row in document["guide"])


def test_the_parts_and_what_is_unexplained_are_the_total(document: dict[str, Any]) -> None:
    for one in document["decomposition"]:
        assert sum(one["parts"].values()) + one["unexplained"] == pytest.approx(one["total"])
        assert one["adds_up"] is (abs(one["unexplained"]) <= 0.05 * one["total"])
    names = [list(one["parts"]) for one in document["decomposition"] if one["hop"] == "client"]
    assert all("ingress" in parts and "hop: wire" in parts and "decode" in parts for parts in names)


def test_what_nobody_explains_is_a_failed_check_and_a_part_of_the_picture(make: Any) -> None:
    findings = make()
    for probe in findings.again.values():
        probe.latencies = [latencies * 0.1 for latencies in probe.latencies]
    findings.inside.clear()
    document = account(findings)
    assert told(document, "decomposition sums") is False
    assert "unexplained" in page.render(document)


def test_the_document_is_json(document: dict[str, Any]) -> None:
    assert json.loads(json.dumps(document, allow_nan=False))["format"] == 2


class Reader(HTMLParser):
    """Notes what is fetched, and whether every tag is closed."""

    VOID = ("meta", "line", "rect", "circle", "polyline", "polygon")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.pictures = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [str(value) for name, value in attrs if name in ("src", "href")]
        self.pictures += ("role", "img") in attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.VOID


def test_the_page_is_whole_and_fetches_nothing(document: dict[str, Any]) -> None:
    text = page.render(document)
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert reader.fetched == []
    assert "url(" not in text
    assert reader.pictures >= 9
    assert "a &lt;cpu&gt;" in text
    assert "NaN" not in text
    assert "crossover" in text


def test_a_partial_report_is_marked_so(make: Any) -> None:
    findings = make()
    findings.stopped = "interrupted; this is what was measured until then"
    document = account(findings)
    assert "Partial report." in page.render(document)
    assert plain.terminal(document).startswith("PARTIAL: interrupted")
    assert "(partial)" in plain.markdown(document)


def test_a_run_that_was_ended_early_still_has_a_page(make: Any) -> None:
    findings = make()
    findings.series, findings.curve, findings.cross = findings.series[:1], [], []
    findings.wire.clear()
    findings.warm.clear()
    findings.series[0].blocks = []
    assert "Not measured." in page.render(account(findings))


def test_the_csv_has_a_row_for_every_series(document: dict[str, Any]) -> None:
    rows = list(csv.DictReader(io.StringIO(plain.as_csv(document))))
    assert len(rows) == len(document["series"])
    assert all(re.fullmatch(r"[0-9.]+", row["p50 ms"]) for row in rows)


def test_the_markdown_has_the_verdicts_and_the_command(document: dict[str, Any]) -> None:
    text = plain.markdown(document)
    assert "| gRPC / V2 binary | p50, c=1 |" in text
    assert "`python -m benchmark.compare --quick`" in text
