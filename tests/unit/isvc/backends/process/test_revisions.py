from dataclasses import replace

import pytest

from isvc.backends.process.revisions import callers, folders, instances, revision_name, revisions, unit_of
from isvc.plan.units import Component, Directory, Endpoint, Mount, Probe, Unit


def with_unit(wanted, number, **changes):
    units = list(wanted.plan.units)
    units[number] = replace(units[number], **changes)
    return replace(wanted, plan=replace(wanted.plan, units=tuple(units)))


def changed(one, other):
    before, after = revisions(one), revisions(other)
    return {name for name in before if before[name] != after[name]}


def test_the_same_service_has_the_same_revisions_whatever_is_said_about_it(service):
    again = replace(service(), created=5.0)
    assert revisions(replace(again, plan=replace(again.plan, notices=("new",)))) == revisions(service())


@pytest.mark.parametrize(
    ("unit", "changes", "expected"),
    [
        (2, {"environment": (("MODE", ("other",)),)}, {"transformer"}),
        (2, {"secrets": (("TOKEN", "other"),)}, {"transformer"}),
        # What calls another predictor is another transformer; what only fetches for it is not another initializer.
        (1, {"command": (("other-predictor",),)}, {"predictor", "transformer"}),
        (
            0,
            {"command": (("storage-init",), ("/other",), (Directory("models"),))},
            {"init", "predictor", "transformer"},
        ),
    ],
)
def test_a_change_reaches_what_rests_on_it_and_nothing_else(service, unit, changes, expected):
    assert changed(service(), with_unit(service(), unit, **changes)) == expected


def test_edited_code_makes_another_transformer_only(service):
    assert changed(service(), service(sources=(("transformer", "edited"),))) == {"transformer"}


def test_containers_of_one_pod_are_replaced_together_also_where_each_calls_the_other(service):
    first = Unit("a", Component.TRANSFORMER, (("a",), (Endpoint("b", "http"),)), pod="p")
    second = Unit("b", Component.SIDECAR, (("b",), (Endpoint("a", "http"),)), pod="p")
    wanted = replace(service(), plan=replace(service().plan, units=(first, second)))
    assert changed(wanted, with_unit(wanted, 1, command=(("other",),))) == {"a", "b"}
    assert callers(wanted, "a") == []


def test_another_model_goes_into_another_folder(service):
    other = with_unit(service(), 0, command=(("storage-init",), ("/other",), (Directory("models"),)))
    assert folders(service())["models"] != folders(other)["models"]
    assert folders(other)["models"].endswith("/models")


def test_another_predictor_reads_the_folder_that_was_filled_already(service):
    assert folders(service()) == folders(with_unit(service(), 1, probe=Probe("http")))


def test_a_folder_that_nothing_fills_is_as_old_as_those_that_share_it(service):
    shared = (Mount(Directory("scratch"), "/scratch", read_only=False),)
    wanted = with_unit(service(), 2, mounts=shared)
    assert folders(wanted)["scratch"] != folders(with_unit(wanted, 2, command=(("other",),)))["scratch"]


def test_an_instance_says_of_which_unit_it_is_and_is_named_like_a_pod(service):
    key = instances(service())["predictor"]
    assert unit_of(key) == "default/mnist/predictor"
    assert revision_name(key) == f"predictor-{revisions(service())['predictor']}"
    assert unit_of("ingress") == "ingress"


def test_only_what_names_an_address_of_a_unit_calls_it(service):
    assert callers(service(), "predictor") == ["transformer"]
    assert callers(service(), "transformer") == []
