"""Did the tests that hold a row of the table of parity run, and pass? Asked at the end of each session (conftest)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from isvc.parity import Feature

GOLDEN = "tests/unit/isvc/golden/test_golden.py"


def not_held(features: Sequence[Feature], outcomes: Mapping[str, str], files: Collection[str]) -> Iterator[str]:
    """A line for each row that the session could have held, and did not.

    `outcomes` are those of the tests by node id; `files` those that were collected. One variant that passed is enough
    where the others were skipped (no engine on this machine); one that failed is one too many.
    """
    for feature in features:
        for test in feature.tests:
            file, start = _place(test)
            if file not in files:
                continue
            found = {outcome for node, outcome in outcomes.items() if _is_of(node, start)}
            if "passed" not in found or "failed" in found:
                yield f"{feature.feature}: {test}: {', '.join(sorted(found)) or 'did not run'}"


def _place(test: str) -> tuple[str, str]:
    """The file of a row's test, and how the node ids of that test begin."""
    kind, _, case = test.partition("/")
    if kind == "golden":
        return GOLDEN, f"{GOLDEN}::test_a_case_comes_out_as_the_reference_says[{case}]"
    file = f"tests/{test.partition('::')[0]}"
    return file, f"tests/{test}"


def _is_of(node: str, start: str) -> bool:
    return node == start or node.startswith((f"{start}[", f"{start}::"))
