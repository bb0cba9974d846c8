from dataclasses import replace

import pytest

from isvc.backends.process.binding import Process
from isvc.backends.process.reconcile import (
    DRAIN,
    GRACE,
    LONGEST_PAUSE,
    STABLE,
    Forget,
    Kill,
    Running,
    Start,
    Stop,
    decide,
    failures_after_end,
    next_deadline,
    pause,
)
from isvc.backends.stack import Phase
from isvc.plan.units import Condition, Need


def process(key, *needs, fingerprint="a"):
    return Process(key, ("program",), (), "/", needs=needs, fingerprint=fingerprint)


INIT = process("init")
PREDICTOR = process("predictor", Need("init", Condition.COMPLETED))
TRANSFORMER = process("transformer", Need("predictor", Condition.READY))
WANTED = (INIT, PREDICTOR, TRANSFORMER)


def seen(phase, **facts):
    return Running("a", phase, started=0.0, **facts)


COMPLETED = seen(Phase.COMPLETED, ended=1.0)
READY = seen(Phase.READY)
STARTING = seen(Phase.STARTING)


def failed(failures, ended=100.0):
    return seen(Phase.FAILED, failures=failures, ended=ended)


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        ({}, (Start("init"),)),
        ({"init": STARTING}, ()),
        ({"init": COMPLETED}, (Start("predictor"),)),
        ({"init": COMPLETED, "predictor": STARTING}, ()),
        ({"init": COMPLETED, "predictor": READY}, (Start("transformer"),)),
        ({"init": COMPLETED, "predictor": READY, "transformer": READY}, ()),
    ],
)
def test_units_start_in_the_order_of_their_needs_and_then_nothing_happens(running, expected):
    assert decide(WANTED, running, now=1.0) == expected


def test_units_without_needs_start_together():
    assert decide((process("a"), process("b")), {}, now=0.0) == (Start("a"), Start("b"))


def test_a_failed_initializer_holds_back_what_needs_it():
    assert decide(WANTED, {"init": failed(5)}, now=100.1) == ()


@pytest.mark.parametrize(("failures", "wait"), [(1, 0.0), (2, 1.0), (3, 2.0), (4, 4.0), (40, LONGEST_PAUSE)])
def test_a_dead_unit_is_restarted_at_once_and_then_ever_later(failures, wait):
    running = {"init": COMPLETED, "predictor": failed(failures), "transformer": READY}
    assert pause(failures) == wait
    assert decide(WANTED, running, now=100.0 + wait) == (Start("predictor"),)
    assert decide(WANTED, running, now=100.0 + wait - 0.01) == ()


def test_a_dead_transformer_is_restarted_while_its_predictor_is_away():
    running = {"init": COMPLETED, "predictor": failed(9), "transformer": failed(1)}
    assert decide(WANTED, running, now=100.0) == (Start("transformer"),)


def test_what_is_not_wanted_is_asked_to_end_then_killed_then_forgotten():
    stopping = replace(READY, phase=Phase.STOPPING, stop_asked=10.0)
    assert decide((), {"x": READY}, now=10.0) == (Stop("x"),)
    assert decide((), {"x": stopping}, now=10.0 + GRACE - 0.01) == ()
    assert decide((), {"x": stopping}, now=10.0 + GRACE) == (Kill("x"),)
    assert decide((), {"x": replace(stopping, killed=True)}, now=11.0 + GRACE) == ()
    assert next_deadline((), {"x": replace(stopping, killed=True)}, now=11.0 + GRACE) is None
    assert decide((), {"x": replace(stopping, ended=11.0)}, now=11.0) == (Forget("x"),)


def test_a_changed_unit_ends_before_the_new_one_starts():
    changed = (INIT, process("predictor", fingerprint="b"))
    running = {"init": COMPLETED, "predictor": READY}
    assert decide(changed, running, now=5.0) == (Stop("predictor"),)
    running["predictor"] = replace(READY, phase=Phase.STOPPING, stop_asked=5.0)
    assert decide(changed, running, now=6.0) == ()
    running["predictor"] = replace(running["predictor"], ended=7.0)
    assert decide(changed, running, now=7.0) == (Forget("predictor"),)
    del running["predictor"]
    assert decide(changed, running, now=7.0) == (Start("predictor"),)


def test_an_unchanged_unit_is_left_alone_when_another_changes():
    changed = (INIT, PREDICTOR, replace(TRANSFORMER, fingerprint="b"))
    running = {"init": COMPLETED, "predictor": READY, "transformer": READY}
    assert decide(changed, running, now=5.0) == (Stop("transformer"),)


def test_a_need_is_not_met_by_what_the_needed_unit_was_before_it_changed():
    changed = (replace(INIT, fingerprint="b"), PREDICTOR)
    assert decide(changed, {"init": COMPLETED}, now=5.0) == (Forget("init"),)


def test_a_unit_that_was_removed_while_it_ends_and_is_wanted_again_starts_anew():
    stopping = replace(READY, phase=Phase.STOPPING, stop_asked=1.0, ended=2.0)
    assert decide((process("x"),), {"x": stopping}, now=3.0) == (Forget("x"),)


def test_a_long_life_makes_the_next_failure_the_first():
    assert failures_after_end(seen(Phase.READY, failures=7), now=STABLE - 1) == 8
    assert failures_after_end(seen(Phase.READY, failures=7), now=STABLE) == 1


def test_the_loop_sleeps_until_the_next_restart_or_kill_falls_due():
    stopping = replace(READY, phase=Phase.STOPPING, stop_asked=100.0)
    assert next_deadline((), {"a": READY, "b": COMPLETED}, now=100.0) is None
    assert next_deadline((), {"a": failed(3), "b": stopping}, now=101.0) == 1.0
    assert next_deadline((), {"b": stopping}, now=500.0) == 0.0


def test_a_revision_that_took_requests_has_longer_to_end_once_another_serves():
    stopping = replace(READY, phase=Phase.STOPPING, stop_asked=10.0, was_ready=True)
    wanted, running = (process("x@new"),), {"x@new": READY, "x@old": stopping}
    assert decide(wanted, running, now=10.0 + GRACE) == ()
    assert next_deadline(wanted, running, now=10.0) == DRAIN
    assert decide(wanted, running, now=10.0 + DRAIN) == (Kill("x@old"),)


def test_a_revision_that_never_took_requests_or_is_taken_down_has_no_longer_than_others():
    stopping = replace(READY, phase=Phase.STOPPING, stop_asked=10.0)
    assert decide((process("x@old"),), {"x@old": READY, "x@new": stopping}, now=10.0 + GRACE) == (Kill("x@new"),)
    asked = replace(stopping, was_ready=True)
    assert decide((), {"x@old": asked}, now=10.0 + GRACE) == (Kill("x@old"),)


def test_two_revisions_of_a_unit_run_side_by_side():
    old, new = process("x@old"), process("x@new")
    assert decide((old, new), {"x@old": READY}, now=1.0) == (Start("x@new"),)
    assert decide((new,), {"x@old": READY, "x@new": READY}, now=2.0) == (Stop("x@old"),)
