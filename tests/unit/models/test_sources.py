"""What is said when a wheel is not there; fetching itself is pip's business."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import sources


def test_a_fetched_wheel_is_found_by_its_project(tmp_path: Path) -> None:
    (tmp_path / "mlxtend-0.25.0-py3-none-any.whl").touch()

    assert sources.wheel(tmp_path, "mlxtend").name == "mlxtend-0.25.0-py3-none-any.whl"


def test_a_missing_wheel_is_named(tmp_path: Path) -> None:
    with pytest.raises(sources.SourceError, match="no wheel of mlxtend"):
        sources.wheel(tmp_path, "mlxtend")


def test_every_wheel_is_pinned_by_hash() -> None:
    lines = [line for line in sources.WHEELS.read_text().splitlines() if not line.startswith("#")]

    assert len(lines) == 2
    assert all("==" in line and "--hash=sha256:" in line for line in lines)
