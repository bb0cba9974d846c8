from dataclasses import replace

from isvc.backends.records import Wanted
from isvc.backends.stack import Change
from isvc.backends.wanted import changes, gone, merge, put_back, wanted_service, without


def test_a_service_that_was_not_there_is_created(service):
    assert changes(Wanted(), [service()]) == (("default/mnist", Change.CREATED),)


def test_the_same_service_is_unchanged_whatever_is_said_about_it(service):
    before = merge(Wanted(), [service()], 8080)
    again = service()
    again = replace(again, created=2000.0, plan=replace(again.plan, notices=("new",), warmup="/input.json"))
    assert changes(before, [again]) == (("default/mnist", Change.UNCHANGED),)


def test_another_plan_or_other_code_configures_it(service):
    before = merge(Wanted(), [service()], 8080)
    other = replace(service(), plan=replace(service().plan, model_name="other"))
    assert changes(before, [other]) == (("default/mnist", Change.CONFIGURED),)
    assert changes(before, [service(sources=(("transformer", "new"),))]) == (("default/mnist", Change.CONFIGURED),)


def test_services_are_added_to_those_there_are(service):
    before = merge(Wanted(), [service("one")], 8080)
    after = merge(before, [service("two")], 8080)
    assert [each.plan.name for each in after.services] == ["one", "two"]
    assert after.generation == before.generation + 1


def test_a_service_keeps_its_age_when_it_is_configured(service):
    before = merge(Wanted(), [service()], 8080)
    plan = replace(service().plan, units=())
    assert wanted_service(plan, before).created == 1000.0


def test_taking_back_restores_what_was_and_removes_what_was_not(service):
    old, new = service("one"), replace(service("one"), created=5.0)
    before = merge(Wanted(), [old], 8080)
    now = merge(before, [new, service("two"), service("three")], 9090)
    back = put_back(now, before, ["default/one", "default/two"])
    assert back.services == (service("three"), old)
    assert back.ingress_port == 8080
    assert back.generation > now.generation


def test_what_is_removed_is_named_once_it_is_gone(service):
    before = replace(merge(Wanted(), [service("one"), service("two")], 8080), backend="compose")
    after = without(before, {"default/one", "default/never-there"})
    assert gone(before, after) == ("default/one",)
    assert (after.ingress_port, after.backend) == (8080, "compose")
    assert after.generation == before.generation + 1
