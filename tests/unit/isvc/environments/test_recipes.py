"""Which environments there are, and that what they are made of is in the checkout."""

from __future__ import annotations

import platform

import pytest

from isvc import environments, runtimes
from isvc.environments import recipes
from isvc.environments.installation import torch_version
from isvc.errors import EnvironmentFailed


@pytest.mark.parametrize("recipe", environments.RECIPES, ids=lambda recipe: recipe.name)
def test_every_lock_stands_in_its_role_s_folder_and_has_hashes(recipe: environments.Recipe) -> None:
    lines = [line for line in recipe.lock_file.read_text().splitlines() if "==" in line and not line.startswith("#")]
    assert lines
    assert all(line.endswith("\\") for line in lines), "a hash follows"


def test_every_real_server_has_a_recipe_of_its_role() -> None:
    catalogue = runtimes.load()
    for name in catalogue.real.values():
        program = catalogue.programs[name]
        assert environments.recipe(program.role).role == program.role


def test_a_role_with_a_script_runs_that_and_another_its_program() -> None:
    python, script = environments.command("triton", "tritonserver")
    assert python.endswith("/bin/python")
    assert script.endswith("/triton/serve.py")


def test_an_unknown_role_is_said() -> None:
    with pytest.raises(EnvironmentFailed, match="its folder nothing/ is not beside isvc"):
        recipes.role_folder("nothing")


@pytest.mark.parametrize(
    ("system", "machine", "version"),
    [("Linux", "x86_64", "2.13.0+cpu"), ("Linux", "aarch64", "2.13.0"), ("Darwin", "arm64", "2.13.0")],
)
def test_torch_is_a_cpu_build_everywhere(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, version: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert torch_version() == version


def test_triton_is_for_one_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert "Linux on x86_64 only" in str(recipes.no_triton())
