from dataclasses import replace

from isvc.backends.process.reconcile import Running
from isvc.backends.process.revisions import instances
from isvc.backends.process.rollout import (
    LINGER,
    Rollout,
    advance,
    is_current,
    kept_instances,
    next_deadline,
    ready_units,
    route_state,
)
from isvc.backends.stack import Phase, RouteState

SETTLED = {"init": Phase.COMPLETED, "predictor": Phase.READY, "transformer": Phase.READY}


def at(wanted, **phases):
    """The instances of `wanted`, all settled but for `phases`; None for one that is not there."""
    keys = instances(wanted)
    found = {**SETTLED, **phases}
    return {keys[name]: seen(phase) for name, phase in found.items() if phase is not None}


def seen(phase):
    ended = 0.0 if phase in (Phase.COMPLETED, Phase.FAILED) else None
    return Running("a", phase, started=0.0, ended=ended)


def served(wanted, now=0.0):
    """`wanted`, up and answering."""
    ready = advance(Rollout(), wanted, at(wanted), now, loaded=False)
    return advance(ready, wanted, at(wanted), now, loaded=True)


def changed(service):
    """Another transformer before the same predictor."""
    return service(sources=(("transformer", "edited"),))


def another_predictor(service):
    return service(sources=(("predictor", "edited"),))


def test_a_route_opens_when_every_unit_is_ready_for_the_first_time_and_the_ingress_knows(service):
    wanted = service()
    some = advance(Rollout(), wanted, at(wanted, transformer=Phase.STARTING), 0.0, loaded=False)
    assert (some, route_state(some, {})) == (Rollout(), RouteState.ABSENT)
    ready = advance(some, wanted, at(wanted), 1.0, loaded=False)
    assert route_state(ready, at(wanted)) is RouteState.ABSENT
    known = advance(ready, wanted, at(wanted), 2.0, loaded=True)
    assert route_state(known, at(wanted)) is RouteState.OPEN
    assert is_current(known, wanted)


def test_an_opened_route_depends_only_on_the_unit_it_leads_to(service):
    wanted = service()
    no_predictor, no_transformer = at(wanted, predictor=Phase.FAILED), at(wanted, transformer=Phase.FAILED)
    assert route_state(served(wanted), no_predictor) is RouteState.OPEN
    assert route_state(served(wanted), no_transformer) is RouteState.UNAVAILABLE
    assert ready_units(wanted, no_predictor) == {"transformer"}


def test_the_revision_before_serves_until_every_unit_of_the_new_one_is_ready(service):
    old, new = service(), changed(service)
    running = {**at(old), **at(new, transformer=Phase.STARTING)}
    rolling = advance(served(old), new, running, 5.0, loaded=True)
    assert rolling.serving == old
    assert not is_current(rolling, new)
    assert kept_instances(rolling, new, running) == running.keys()


def test_a_new_revision_that_fails_leaves_the_route_where_it_was(service):
    old, new = service(), changed(service)
    running = {**at(old), **at(new, transformer=Phase.FAILED)}
    rolling = advance(served(old), new, running, 500.0, loaded=True)
    assert route_state(rolling, running) is RouteState.OPEN
    assert rolling.serving == old
    taken_back = advance(rolling, old, running, 501.0, loaded=True)
    assert kept_instances(taken_back, old, running) == at(old).keys()


def test_the_revision_before_is_kept_until_the_ingress_has_switched_and_a_moment_longer(service):
    old, new = service(), changed(service)
    running = {**at(old), **at(new)}
    rolling = advance(served(old), new, running, 5.0, loaded=True)
    assert (rolling.serving, is_current(rolling, new)) == (new, False)
    waiting = advance(rolling, new, running, 60.0, loaded=False)
    assert waiting.before == (old,)
    switched = advance(waiting, new, running, 61.0, loaded=True)
    assert is_current(switched, new)
    assert next_deadline(switched, 61.0) == LINGER
    assert kept_instances(switched, new, running) == running.keys()
    over = advance(switched, new, running, 61.0 + LINGER, loaded=True)
    assert kept_instances(over, new, running) == at(new).keys()
    assert next_deadline(over, 70.0) is None


def test_what_is_called_ends_after_what_calls_it(service):
    old, new = service(), another_predictor(service)
    running = {**at(old), **at(new)}
    switched = advance(advance(served(old), new, running, 5.0, loaded=True), new, running, 6.0, loaded=True)
    over = advance(switched, new, running, 6.0 + LINGER, loaded=True)
    keys = instances(old)
    assert keys["predictor"] in kept_instances(over, new, running)
    assert keys["transformer"] not in kept_instances(over, new, running)
    del running[keys["transformer"]]
    assert keys["predictor"] not in kept_instances(over, new, running)


def test_a_rollout_is_over_when_nothing_of_the_revision_before_lives(service):
    old, new = service(), another_predictor(service)
    running = {**at(old), **at(new)}
    switched = advance(advance(served(old), new, running, 5.0, loaded=True), new, running, 6.0, loaded=True)
    over = advance(switched, new, running, 6.0 + LINGER, loaded=True)
    assert over.draining == (old,)
    assert advance(over, new, at(new), 9.0, loaded=True).draining == ()


def test_a_third_revision_that_comes_early_keeps_both_until_the_ingress_has_switched(service):
    first, second = service(), changed(service)
    third = service(sources=(("transformer", "edited again"),))
    running = {**at(first), **at(second), **at(third)}
    rolling = advance(served(first), second, running, 5.0, loaded=True)
    again = advance(rolling, third, running, 5.1, loaded=False)
    assert (again.serving, again.before) == (third, (second, first))


def test_a_change_of_the_route_alone_replaces_no_unit(service):
    old = service()
    route = replace(old.plan.route, hosts=("other.example.com",))
    new = replace(old, plan=replace(old.plan, route=route))
    turned = advance(served(old), new, at(old), 5.0, loaded=True)
    assert (turned.serving, turned.before) == (new, ())
    assert not is_current(turned, new)
    assert is_current(advance(turned, new, at(old), 5.1, loaded=True), new)


def test_a_stopped_service_keeps_nothing_and_has_no_route(service):
    old = service()
    stopped = replace(old, plan=replace(old.plan, units=(), stopped=True))
    rollout = advance(served(old), stopped, at(old), 5.0, loaded=True)
    assert kept_instances(rollout, stopped, at(old)) == frozenset()
    assert route_state(rollout, at(old)) is RouteState.ABSENT
    assert is_current(rollout, stopped)
