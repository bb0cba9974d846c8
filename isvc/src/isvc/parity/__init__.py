"""What of KServe is emulated here, as a table whose rows are held by tests (table.yaml names them)."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from isvc.explain.rules import KSERVE_VERSION
from isvc.manifest.decode import decode
from isvc.manifest.nodes import parse


class Status(enum.Enum):
    """In the order in which a reader wants to know."""

    NOT = "not emulated"
    PARTLY = "partly"
    EMULATED = "emulated"
    BEYOND = "beyond KServe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    feature: str
    status: str
    """Name of a `Status` in lower case."""
    here: str
    tests: tuple[str, ...]
    """`golden/<case>`, or `<file>` or `<file>::<test>` below tests/."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    features: tuple[Feature, ...]


def load() -> tuple[Feature, ...]:
    """The rows, "not" first."""
    (node,) = parse((files(__package__) / "table.yaml").read_text(encoding="utf-8"), "table.yaml")
    table, _ = decode(node, _Table)
    order = [status.name.lower() for status in Status]
    return tuple(sorted(table.features, key=lambda feature: order.index(feature.status)))


def markdown(features: Sequence[Feature]) -> str:
    """docs/parity.md."""
    return "\n".join(_lines(features)) + "\n"


def _lines(features: Sequence[Feature]) -> Iterator[str]:
    yield "# Parity with KServe"
    yield ""
    yield f"Checked against KServe {KSERVE_VERSION}. Each row is held by the tests that it names:"
    yield "a test session in which they do not pass fails."
    yield "`isvc parity` prints the same table. Timings here are not a cluster's timings."
    for status in Status:
        yield f"\n## {status.value.capitalize()}\n"
        yield "| of KServe | here | held by |"
        yield "| --- | --- | --- |"
        for feature in features:
            if feature.status == status.name.lower():
                tests = " ".join(f"`{test}`" for test in feature.tests)
                yield f"| {feature.feature} | {feature.here} | {tests} |"
