"""Patches: the examples of the RFCs, and what kubectl writes into a strategic one."""

from __future__ import annotations

import pytest

from isvc.server.errors import BadRequest, Invalid
from isvc.server.patch import json_patch, merge, strategic
from isvc.server.resources import INFERENCE_SERVICES


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_does_what_rfc_7386_says(target, patch, result):
    assert merge(target, patch) == result


@pytest.mark.parametrize(
    ("operations", "result"),
    [
        ([{"op": "add", "path": "/baz", "value": 1}], {"foo": ["bar"], "baz": 1}),
        ([{"op": "add", "path": "/foo/0", "value": "x"}], {"foo": ["x", "bar"]}),
        ([{"op": "add", "path": "/foo/-", "value": "x"}], {"foo": ["bar", "x"]}),
        ([{"op": "remove", "path": "/foo/0"}], {"foo": []}),
        ([{"op": "replace", "path": "/foo/0", "value": "x"}], {"foo": ["x"]}),
        ([{"op": "move", "from": "/foo", "path": "/a~1b"}], {"a/b": ["bar"]}),
        ([{"op": "copy", "from": "/foo/0", "path": "/c"}], {"foo": ["bar"], "c": "bar"}),
        ([{"op": "test", "path": "/foo/0", "value": "bar"}], {"foo": ["bar"]}),
    ],
)
def test_json_patch_does_what_rfc_6902_says(operations, result):
    assert json_patch(INFERENCE_SERVICES, "one", {"foo": ["bar"]}, operations) == result


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/nothing"},
        {"op": "replace", "path": "/nothing", "value": 1},
        {"op": "add", "path": "/foo/9", "value": 1},
        {"op": "add", "path": "/foo/bar/x", "value": 1},
        {"op": "test", "path": "/foo/0", "value": "other"},
        {"op": "move", "from": "/foo", "path": "/foo/0"},
        {"op": "add", "path": "no-slash", "value": 1},
        {"op": "add", "path": "/foo"},
    ],
)
def test_an_operation_that_does_not_fit_is_invalid_and_names_its_path(operation):
    with pytest.raises(Invalid) as caught:
        json_patch(INFERENCE_SERVICES, "one", {"foo": ["bar"]}, [operation])
    assert caught.value.causes[0].field == operation["path"]


@pytest.mark.parametrize("patch", [{}, [1], "x", [{"op": "jump", "path": "/"}], [{"op": "add"}]])
def test_what_is_no_patch_is_a_bad_request(patch):
    with pytest.raises(BadRequest):
        json_patch(INFERENCE_SERVICES, "one", {}, patch)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"secrets": [{"name": "a"}]}, {"secrets": [{"name": "b"}]}, {"secrets": [{"name": "a"}, {"name": "b"}]}),
        ({"secrets": [{"name": "a"}]}, {"secrets": [{"name": "a", "$patch": "delete"}]}, {"secrets": []}),
        ({"data": {"a": "1"}}, {"data": {"a": None, "b": "2"}}, {"data": {"b": "2"}}),
        ({"data": {"a": "1"}}, {"data": {"$patch": "replace", "b": "2"}}, {"data": {"b": "2"}}),
        ({"finalizers": ["a"]}, {"finalizers": ["b"]}, {"finalizers": ["a", "b"]}),
        ({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]}, {"finalizers": ["b"]}),
        ({}, {"$setElementOrder/secrets": [], "secrets": [{"name": "a"}]}, {"secrets": [{"name": "a"}]}),
    ],
)
def test_strategic_merges_lists_by_their_key(target, patch, result):
    assert strategic(target, patch) == result
