"""docs/model-api-compatibility.md: every row names a test that exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
TABLE = ROOT / "docs/model-api-compatibility.md"
FOLDERS = ("tests/unit/modelapi", "tests/integration/modelapi", "tests/integration/hop")


def test_every_row_of_the_table_has_a_test() -> None:
    sources = [path.read_text(encoding="utf-8") for folder in FOLDERS for path in (ROOT / folder).rglob("test_*.py")]
    there = {name for source in sources for name in re.findall(r"^(?:async )?def (test_\w+)\(", source, re.MULTILINE)}
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    rows = [line for line in lines if "---" not in line and not line.rstrip().endswith("| Test |")]
    assert len(rows) > 60
    named = {line: re.findall(r"`(test_\w+)` \|$", line.rstrip()) for line in rows}
    assert [line for line, tests in named.items() if not tests] == []
    assert sorted({test for tests in named.values() for test in tests} - there) == []
