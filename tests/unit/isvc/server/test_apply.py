"""Server-side apply: who owns what, what goes, and what is a conflict."""

from __future__ import annotations

import pytest

from isvc.server.apply import applied
from isvc.server.errors import Conflict
from isvc.server.resources import INFERENCE_SERVICES, Object


def wanted(**spec: object) -> Object:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "one"},
        "spec": spec,
    }


def apply(old: Object | None, body: Object, manager: str, *, force: bool = False) -> Object:
    return applied(INFERENCE_SERVICES, old, body, manager, "", 0, force=force)


def owners(body: Object) -> dict[str, object]:
    return {entry["manager"]: entry["fieldsV1"]["f:spec"] for entry in body["metadata"]["managedFields"]}


def test_what_a_manager_names_no_longer_goes():
    first = apply(None, wanted(a=1, b={"c": 1}), "me")
    second = apply(first, wanted(a=1), "me")
    assert second["spec"] == {"a": 1}
    assert owners(second) == {"me": {"f:a": {}}}


def test_what_another_manager_owns_too_stays():
    first = apply(None, wanted(a=1, b=1), "me")
    shared = apply(first, wanted(b=1), "you")
    assert owners(shared) == {"me": {"f:a": {}, "f:b": {}}, "you": {"f:b": {}}}
    assert apply(shared, wanted(a=1), "me")["spec"] == {"a": 1, "b": 1}


def test_another_value_of_an_owned_field_is_a_conflict_that_names_it_unless_it_is_forced():
    first = apply(None, wanted(a={"deep": 1}), "me")
    with pytest.raises(Conflict) as caught:
        apply(first, wanted(a={"deep": 2}), "you")
    assert [cause.field for cause in caught.value.causes] == [".spec.a.deep"]
    assert 'conflict with "me"' in caught.value.message
    forced = apply(first, wanted(a={"deep": 2}), "you", force=True)
    assert forced["spec"] == {"a": {"deep": 2}}
    assert owners(forced) == {"you": {"f:a": {"f:deep": {}}}}


def test_a_list_is_owned_whole():
    first = apply(None, wanted(args=["a"]), "me")
    with pytest.raises(Conflict):
        apply(first, wanted(args=["a", "b"]), "you")


def test_the_same_again_changes_nothing():
    first = apply(None, wanted(a=1), "me")
    assert apply(first, wanted(a=1), "me") == first
