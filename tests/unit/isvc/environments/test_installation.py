"""Making an environment, with a small one in the place of pip: what is told, what is left, who waits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from isvc.environments import folders, installation, recipes
from isvc.environments.recipes import Recipe
from isvc.errors import EnvironmentFailed

PIP = """
import pathlib, sys
pathlib.Path(sys.argv[0]).with_name("calls").open("a").write(" ".join(sys.argv[1:]) + "\\n")
print("Collecting a")
print("  Downloading a-1.0-py3-none-any.whl (12.5 MB)")
print("  Downloading b-1.0-py3-none-any.whl (4 kB)")
answer = pathlib.Path(sys.argv[0]).with_name("answer")
if answer.exists():
    print(answer.read_text())
    sys.exit(1)
"""

VENV = """
import pathlib, sys
binary = pathlib.Path(sys.argv[1], "bin")
binary.mkdir(parents=True)
(binary / "python").symlink_to(sys.executable)
"""


class Machine:
    """A cache folder, a lock file, and a pip that says what it is told to say."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.said: list[str] = []
        (folder / "pip.py").write_text(PIP)
        (folder / "venv.py").write_text(VENV)
        (folder / "small").mkdir()
        (folder / "small" / "a.lock").write_text("a==1.0\n")
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        monkeypatch.setattr(recipes, "role_folder", lambda role: folder / role)
        monkeypatch.setattr(installation, "_PIP", (str(folder / "pip.py"),))
        monkeypatch.setattr(installation, "_VENV", (str(folder / "venv.py"),))

    def recipe(self, *, torch: bool = False, obstacle: str | None = None) -> Recipe:
        return Recipe("small", "Small 1.0", "small", "a.lock", "12 MB", torch=torch, obstacle=lambda: obstacle)

    def ensure(self, recipe: Recipe | None = None, *, insist: bool = True) -> Path:
        return installation.ensure(recipe or self.recipe(), self.said.append, insist=insist)

    def fail(self, text: str) -> None:
        (self.folder / "answer").write_text(text)

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_an_environment_is_made_once_with_its_progress_told(machine: Machine) -> None:
    python = machine.ensure()
    assert python.is_file()
    assert python.is_relative_to(machine.folder / "cache" / "kserve-local")
    assert machine.calls == [f"--no-deps --require-hashes -r {machine.folder / 'small/a.lock'}"]
    first, download, last = machine.said
    assert first.startswith("making the environment of Small 1.0, once: ")
    assert download == "  Downloading a-1.0-py3-none-any.whl (12.5 MB)"
    assert last.startswith("the environment of Small 1.0 is there after ")
    machine.said.clear()
    assert machine.ensure() == python
    assert (machine.said, len(machine.calls)) == ([], 1)


def test_a_changed_lock_gets_an_environment_of_its_own(machine: Machine) -> None:
    first = machine.ensure()
    (machine.folder / "small" / "a.lock").write_text("a==2.0\n")
    assert machine.ensure() != first


def test_what_was_half_made_is_made_anew(machine: Machine) -> None:
    python = machine.ensure()
    (python.parents[1] / ".complete").unlink()
    (python.parents[1] / "rest").touch()
    machine.ensure()
    assert not (python.parents[1] / "rest").exists()


def test_a_failure_says_what_pip_said(machine: Machine) -> None:
    machine.fail("ERROR: no connection")
    with pytest.raises(EnvironmentFailed, match=r"cannot run here: pip could not install it:\n  ERROR: no connection"):
        machine.ensure()


def test_a_failure_is_remembered_for_those_who_do_not_insist(machine: Machine) -> None:
    machine.fail("ERROR: no connection")
    for _ in range(2):
        with pytest.raises(EnvironmentFailed, match="no connection"):
            machine.ensure(insist=False)
    assert len(machine.calls) == 1
    (machine.folder / "answer").unlink()
    machine.ensure()
    machine.ensure(insist=False)
    assert len(machine.calls) == 2


def test_torch_comes_first_and_its_absence_is_explained(machine: Machine) -> None:
    machine.fail("ERROR: No matching distribution found for torch==2.13.0+cpu")
    with pytest.raises(EnvironmentFailed, match=r"no CPU build of torch .* PIP_EXTRA_INDEX_URL"):
        machine.ensure(machine.recipe(torch=True))
    (call,) = machine.calls
    assert call.startswith("--no-deps torch==2.13.0")


def test_an_obstacle_is_said_before_anything_is_made(machine: Machine) -> None:
    with pytest.raises(EnvironmentFailed, match=r"Small 1\.0 cannot run here: wrong machine"):
        machine.ensure(machine.recipe(obstacle="wrong machine"))
    assert not (machine.folder / "cache").exists()


def test_two_that_want_the_same_make_it_once(machine: Machine) -> None:
    program = (
        "import pathlib, sys\n"
        "from isvc.environments import installation, recipes\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "recipes.role_folder = lambda role: folder / role\n"
        "installation._PIP = (str(folder / 'pip.py'),)\n"
        "installation._VENV = (str(folder / 'venv.py'),)\n"
        "recipe = recipes.Recipe('small', 'Small 1.0', 'small', 'a.lock', '12 MB')\n"
        "print(installation.ensure(recipe, print))\n"
    )
    command = [sys.executable, "-c", program, str(machine.folder)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    last = [process.communicate(timeout=60)[0].splitlines()[-1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert last[0] == last[1]
    assert len(machine.calls) == 1


def test_the_cache_is_the_user_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folders.cache_folder() == tmp_path / "kserve-local"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folders.cache_folder() == tmp_path / ".cache" / "kserve-local"
