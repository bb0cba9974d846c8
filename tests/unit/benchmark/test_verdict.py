"""Targets against made-up runs."""

from __future__ import annotations

from typing import Any

import pytest

from benchmark import verdict
from benchmark.footprint import Footprint
from benchmark.results import Results
from benchmark.rounds import Run
from benchmark.soak import Soak
from benchmark.summary import spread
from benchmark.workers import Workers


def results(**parts: Any) -> Results:
    empty: dict[str, Any] = {
        "machine": {},
        "command": "",
        "run": Run(1, 1, (8,)),
        "predictors": {},
        "clients": {},
        "measured": [],
        "footprint": {},
        "workers": None,
        "soak": None,
    }
    return Results(**{**empty, **parts})


@pytest.mark.parametrize(("ours", "met"), [(85, True), (84, False)])
def test_the_floor_is_held_at_its_share(measure, ours: float, met: bool) -> None:
    (found,) = verdict.of(results(measured=[measure({"modelapi": [ours], "floor": [100]})]))
    assert (found.met, found.wanted) == (met, ">= 0.85")


@pytest.mark.parametrize(("theirs", "met"), [(40, True), (41, False)])
def test_kserve_is_held_at_the_factor_of_its_cell(measure, theirs: float, met: bool) -> None:
    (found,) = verdict.of(results(measured=[measure({"modelapi": [100], "kserve": [theirs]})]))
    assert (found.met, found.wanted) == (met, ">= 2.5")


def test_a_cell_without_targets_gets_no_verdict(measure) -> None:
    assert verdict.of(results(measured=[measure({"modelapi": [1], "floor": [100], "kserve": [100]}, cell=2)])) == []


def test_the_control_stands_beside_each_ratio(measure) -> None:
    (found,) = verdict.of(results(measured=[measure({"modelapi": [90], "floor": [100], "modelapi-again": [100]})]))
    assert found.note == "A/A 0.90 (0.90-0.90)"


def test_errors_under_load_are_a_missed_target(measure) -> None:
    found = verdict.of(results(measured=[measure({"modelapi": [100], "floor": [100]}, errors=1)]))
    assert [each.met for each in found] == [True, False]


def test_the_footprint_is_held_at_half_the_time_less_memory_and_half_the_distributions() -> None:
    footprint = {
        "modelapi": Footprint([0.2], [0.4], [60], 33),
        "kserve": Footprint([1.0], [1.0], [100], 67),
    }
    found = verdict.of(results(footprint=footprint))
    assert [(each.found.median, each.met) for each in found] == [(0.4, True), (0.6, True), (33 / 67, True)]
    assert found[-1].note == "33 and 67"


@pytest.mark.parametrize(("cores", "met"), [(2, None), (4, False)])
def test_workers_that_gain_too_little_come_with_the_reason(one_sample, cores: int, met: bool | None) -> None:
    measured = Workers("v1-grpc", 2, {1: [one_sample(100)], 2: [one_sample(110)]}, spread([1.1]), cores)
    (found,) = verdict.of(results(workers=measured))
    assert found.met is met
    assert "cores in use with 2 workers: transformer 0.50, predictor 0.03, client 0.10" in found.note
    assert "run the client and the predictor on another machine" in found.note


def test_workers_that_gain_enough_need_no_excuse(one_sample) -> None:
    measured = Workers("v1-grpc", 2, {1: [one_sample(100)], 2: [one_sample(170)]}, spread([1.7]), 2)
    (found,) = verdict.of(results(workers=measured))
    assert found.met
    assert "another machine" not in found.note


@pytest.mark.parametrize(("growth", "errors", "met"), [(0.04, 0, [True, True]), (0.06, 2, [False, False])])
def test_a_soak_is_held_at_its_growth_and_at_no_errors(one_sample, growth: float, errors: int, met: list[bool]) -> None:
    soak = Soak("v1-grpc", 600, one_sample(100, errors=errors), [], growth)
    assert [each.met for each in verdict.of(results(soak=soak))] == met
