"""The launcher's modules, which run by their path and belong to no package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

TRITON = Path(__file__).resolve().parents[3] / "triton"


def load(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def repository() -> ModuleType:
    return load("repository", TRITON / "repository.py")


@pytest.fixture(scope="session")
def serve(repository: ModuleType) -> ModuleType:
    return load("triton_serve", TRITON / "serve.py")
