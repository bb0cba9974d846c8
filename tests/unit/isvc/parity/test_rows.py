"""A row is held by tests that ran and passed: skipped, failed and removed ones hold nothing."""

from __future__ import annotations

import pytest

from isvc.parity import Feature
from parity_rows import GOLDEN, not_held

ROW = Feature(feature="timeout", status="partly", here="504", tests=("e2e/test_a.py::test_late", "golden/1.4-late"))
LATE = "tests/e2e/test_a.py::test_late"
CASE = f"{GOLDEN}::test_a_case_comes_out_as_the_reference_says[1.4-late]"
FILES = ("tests/e2e/test_a.py", GOLDEN)


def test_a_row_whose_tests_passed_is_held() -> None:
    outcomes = {f"{LATE}[process]": "passed", f"{LATE}[compose]": "skipped", CASE: "passed"}
    assert list(not_held([ROW], outcomes, FILES)) == []


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ({f"{LATE}[process]": "skipped"}, "timeout: e2e/test_a.py::test_late: skipped"),
        ({f"{LATE}[process]": "passed", f"{LATE}[compose]": "failed"}, "test_late: failed, passed"),
        ({f"{LATE}r": "passed"}, "timeout: e2e/test_a.py::test_late: did not run"),
    ],
)
def test_one_whose_tests_did_not_is_named(outcomes: dict[str, str], told: str) -> None:
    (line,) = not_held([ROW], {**outcomes, CASE: "passed"}, FILES)
    assert told in line


def test_of_files_that_were_not_asked_for_nothing_is_said() -> None:
    assert list(not_held([ROW], {}, ())) == []
