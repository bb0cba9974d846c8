from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from isvc.errors import ManifestError
from isvc.manifest.decode import Notice, decode, ignored, refused
from isvc.manifest.nodes import parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    port: int
    quantity: int | float | str = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    storage_uri: str
    inner: Inner | None = None
    items: tuple[Inner, ...] = ()
    texts: tuple[str, ...] = ()
    labels: Mapping[str, str] | None = None
    ready: bool = False
    replicas: object = ignored("one runs here")
    quiet: object = ignored()
    host: object = refused("cannot be had here; remove it", name="hostIPC")


def _decode(text: str) -> tuple[Outer, tuple[Notice, ...]]:
    (node,) = parse(text, "x.yaml")
    return decode(node, Outer)


def test_fields_are_camel_case_in_yaml() -> None:
    text = (
        "{storageUri: a, inner: {port: 1, quantity: 1.5}, items: [{port: 2}], texts: [b], labels: {c: d}, ready: true}"
    )
    value, notices = _decode(text)
    assert value == Outer(
        storage_uri="a",
        inner=Inner(port=1, quantity=1.5),
        items=(Inner(port=2),),
        texts=("b",),
        labels={"c": "d"},
        ready=True,
    )
    assert notices == ()


def test_null_means_not_written() -> None:
    assert _decode("{storageUri: a, inner: null, texts: ~, labels: {a: null}}")[0] == Outer(storage_uri="a", labels={})


def test_an_ignored_field_takes_any_shape_and_is_told_once_unless_it_needs_no_telling() -> None:
    _, notices = _decode("{storageUri: a, replicas: {b: [1]}, quiet: 1}")
    assert [str(notice) for notice in notices] == ["replicas is ignored: one runs here"]


def test_a_refused_field_may_say_false() -> None:
    assert _decode("{storageUri: a, hostIPC: false}")[0].host is None
    with pytest.raises(ManifestError, match=r"x\.yaml:1: hostIPC: cannot be had here"):
        _decode("{storageUri: a, hostIPC: true}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "storageUri: is missing"),
        ("{storageUri: null}", "storageUri: is missing"),
        ("{storageURI: a}", "storageURI: unknown field; did you mean `storageUri`?"),
        ("{storageUri: a, port: 1}", "port: unknown field here; it belongs at `inner.port`"),
        ("{storageUri: a, xyz: 1}", "xyz: unknown field; known here: storageUri, inner"),
        ("{storageUri: 1}", 'storageUri: is the number 1; it has to be text; write it in quotes: "…"'),
        ("{storageUri: yes}", "storageUri: is the boolean true; it has to be text"),
        ("{storageUri: [a]}", "storageUri: is a list; it has to be text"),
        ("{storageUri: a, inner: b}", 'inner: is the text "b"; it has to be a mapping'),
        ("{storageUri: a, inner: {port: '1'}}", 'inner.port: is the text "1"; it has to be a whole number; write'),
        ("{storageUri: a, inner: {port: true}}", "inner.port: is the boolean true; it has to be a whole number"),
        ("{storageUri: a, inner: {port: 1, quantity: true}}", "a whole number or a number or text"),
        ("{storageUri: a, texts: b}", "texts: is the text \"b\"; it has to be a list"),
        ("{storageUri: a, texts: [b, 2]}", "texts[1]: is the number 2; it has to be text"),
        ("{storageUri: a, texts: [null]}", "texts[0]: is empty"),
        ("{storageUri: a, ready: 'true'}", "ready: is the text \"true\"; it has to be true or false"),
        ("[a]", "is a list; it has to be a mapping"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_mend(text: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        _decode(text)
    assert said in str(caught.value)
