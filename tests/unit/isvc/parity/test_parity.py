"""The table of parity: every row is held by tests that are there, and docs/parity.md is the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from isvc import parity
from isvc.parity import Feature, Status

ROOT = Path(__file__).parents[4]
FEATURES = parity.load()


def _names(feature: Feature) -> str:
    return feature.feature


@pytest.mark.parametrize("feature", FEATURES, ids=_names)
def test_a_row_is_held_by_tests_that_are_there(feature: Feature) -> None:
    assert feature.status.upper() in Status.__members__
    assert feature.tests
    for test in feature.tests:
        kind, _, case = test.partition("/")
        if kind == "golden":
            assert (ROOT / f"tests/unit/isvc/golden/cases/{case}.yaml").is_file(), test
        else:
            file, _, name = test.partition("::")
            assert f"def {name}" in (ROOT / "tests" / file).read_text(), test


def test_what_is_not_emulated_comes_first() -> None:
    statuses = [feature.status for feature in FEATURES]
    assert statuses == sorted(statuses, key=[status.name.lower() for status in Status].index)
    assert statuses[0] == "not"


def test_the_page_is_the_table() -> None:
    page = (ROOT / "docs/parity.md").read_text()
    assert page == parity.markdown(FEATURES), "isvc parity -o markdown > docs/parity.md"
