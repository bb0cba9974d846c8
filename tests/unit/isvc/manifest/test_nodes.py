from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isvc.errors import ManifestError
from isvc.manifest.nodes import MAX_NODES, Node, join, nearest, parse


def _one(text: str) -> Node:
    (node,) = parse(text, "x.yaml")
    return node


def test_every_value_knows_its_line_and_path() -> None:
    node = _one("a:\n  b:\n    - c: 1\n")
    assert str(node.at("a", "b", 0, "c")) == "x.yaml:3: a.b[0].c"


def test_the_place_of_what_is_missing_is_the_line_of_what_would_hold_it() -> None:
    node = _one("a:\n  b: 1\n")
    assert str(node.at("a", "nothing")) == "x.yaml:1: a.nothing"


def test_plain_data_comes_out_as_yaml_has_it() -> None:
    text = "{a: [1, 1.5, true, null, text, '1'], when: 2024-01-01}"
    assert _one(text).plain() == {"a": [1, 1.5, True, None, "text", "1"], "when": "2024-01-01"}


def test_empty_documents_are_left_out() -> None:
    assert [node.plain() for node in parse("---\n---\na: 1\n---\n# nothing\n", "x.yaml")] == [{"a": 1}]


def test_an_alias_stands_for_what_it_names_and_merge_keys_give_way_to_own_ones() -> None:
    text = "base: &base {a: 1, b: 2}\nown: {<<: *base, b: 3}\nboth: {<<: [*base, {a: 9, c: 4}]}\nagain: *base\n"
    assert _one(text).plain() == {
        "base": {"a": 1, "b": 2},
        "own": {"a": 1, "b": 3},
        "both": {"a": 1, "b": 2, "c": 4},
        "again": {"a": 1, "b": 2},
    }


def test_aliases_that_multiply_are_stopped() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(ManifestError, match=f"more than {MAX_NODES} values"):
        parse("\n".join(lines), "x.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3: a: written twice, first on line 1; keep one"),
        ("a: &a [*a]", "nested more than"),
        ("[" * 300_000, "nested more than"),
        ("[" * 300 + "]" * 300, "nested more than"),
        ("a: *nowhere", "undefined alias"),
        ("a: !!python/object/apply:os.system [x]", "x.yaml:1: a: the tag"),
        ("a: !!binary aGk=", "x.yaml:1: a: the tag"),
        ("{1: {}, [a]: b}", "a key must be text"),
        ("a: {<<: 1}", "`<<` takes a mapping"),
        ('a: "x\\0y"', "a: has a zero byte in it"),
        ("a: [", "this is not YAML"),
        ("a: \x00", "this is not YAML"),
    ],
)
def test_what_is_not_plain_yaml_is_refused(text: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse(text, "x.yaml")
    assert said in str(caught.value)


@given(st.text(alphabet="ab:-[]{}&*!|>#'\"\n ,?<.0~", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ManifestError):
        parse(text, "x.yaml")


def test_a_key_with_dots_or_slashes_is_quoted_in_a_path() -> None:
    assert join("metadata.annotations", "serving.kserve.io/stop") == 'metadata.annotations["serving.kserve.io/stop"]'
    assert join("args", 0) == "args[0]"


def test_the_nearest_name_is_found_whatever_its_case() -> None:
    assert nearest("storageURI", ("storageUri", "storage")) == "storageUri"
    assert nearest("zzz", ("storageUri", "storage")) == ""
