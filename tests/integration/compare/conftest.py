"""The findings that the unit tests make up, for tests of what a browser shows of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_MADE = Path(__file__).parents[2] / "unit/benchmark/compare/conftest.py"
_spec = importlib.util.spec_from_file_location("made_up_findings", _MADE)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
make = _module.make
