"""The report and the JSON of a made-up run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from benchmark import report, results, verdict
from benchmark.footprint import Footprint
from benchmark.results import Results
from benchmark.rounds import Run
from benchmark.soak import Soak

MACHINE: dict[str, Any] = {
    "when": "2030-01-01T00:00:00+00:00",
    "cpu": "A CPU",
    "cores": 2,
    "memory_bytes": 8 * 2**30,
    "system": "Linux",
    "python": "3.11.7",
    "load_average": (0.1, 0.2, 0.3),
    "versions": {"modelapi's environment": {"modelapi": "0.1.0"}, "kserve's environment": {"kserve": "0.21.0"}},
}


def made(measure, one_sample) -> Results:
    cell = measure({"modelapi": [200, 100], "kserve": [50, 50], "floor": [210, 110]})
    footprint = {"modelapi": Footprint([0.2], [0.4], [60], 33), "kserve": Footprint([1.0], [1.0], [100], 67)}
    soak = Soak("v1-grpc", 600, one_sample(100), [(float(at), 2**20) for at in range(50)], 0.0)
    return Results(
        MACHINE,
        "python -m benchmark",
        Run(2, 1, (8,)),
        {"grpc-v2": "Triton"},
        {"v1": "wrk"},
        [cell],
        footprint,
        None,
        soak,
    )


def test_the_report_says_what_was_measured_and_where(measure, one_sample) -> None:
    found = made(measure, one_sample)
    text = report.render(found, verdict.of(found))
    for part in ("2 x A CPU", "8 GiB", "`python -m benchmark`", "kserve 0.21.0", "grpc-v2: Triton", "v1: wrk"):
        assert part in text


def test_a_row_has_medians_with_their_spread_and_the_ratio(measure, one_sample) -> None:
    found = made(measure, one_sample)
    row = next(line for line in report.render(found, []).splitlines() if line.startswith("| kserve"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["kserve", "8", "50", "5.0", "9.0", "0.50", "100", "3.00 (2.00-4.00) x"]


def test_columns_of_a_table_line_up(measure, one_sample) -> None:
    found = made(measure, one_sample)
    table = [line for line in report.render(found, []).splitlines() if line.startswith("|")][:4]
    assert len({len(line) for line in table}) == 1


def test_met_and_missed_targets_are_told_apart(measure, one_sample) -> None:
    found = made(measure, one_sample)
    text = report.render(found, verdict.of(found))
    assert "| met " in text
    assert "| NOT MET |" in text


def test_a_client_that_took_a_whole_core_is_called_out(measure, one_sample) -> None:
    found = made(measure, one_sample)
    found.measured[0].samples["floor", 8][0] = one_sample(210, client_cores=0.95)
    assert "the client, not the server, may be what was measured" in report.render(found, [])


@pytest.mark.parametrize(("again", "warned"), [(95, False), (80, True)])
def test_a_noisy_machine_is_told_by_the_control(measure, one_sample, again: float, warned: bool) -> None:
    noisy = measure({"modelapi": [100], "modelapi-again": [again]})
    text = report.render(replace(made(measure, one_sample), measured=[noisy]), [])
    assert ("the machine was not quiet" in text) is warned


def test_the_json_holds_every_round_and_the_ratios(measure, one_sample) -> None:
    found = made(measure, one_sample)
    document = json.loads(results.to_json(found, verdict.of(found)))
    cell = document["cells"][0]
    rates = {each["contender"]: [r["requests_per_second"] for r in each["rounds"]] for each in cell["samples"]}
    assert rates == {"modelapi": [200, 100], "kserve": [50, 50], "floor": [210, 110]}
    assert {ratio["to"]: ratio["median"] for ratio in cell["ratios"]} == {
        "kserve": 3.0,
        "floor": (200 / 210 + 100 / 110) / 2,
    }
    assert document["machine"]["cores"] == 2
    assert document["soak"]["rss"][0] == [0.0, 2**20]
    assert len(document["verdicts"]) == len(verdict.of(found))
