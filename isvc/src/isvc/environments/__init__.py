"""Environments of their own for servers that must not share ours: Triton, TorchServe and what else is asked for.

recipes.py       which there are: what each is made of, and where it cannot be
installation.py  making one: once for each lock file, alone, with progress; what is half made is made again
folders.py       where they are kept

An environment is made of a lock file with hashes in the folder of its role, by the interpreter that isvc runs on.
"""

from __future__ import annotations

from isvc.environments.folders import cache_folder
from isvc.environments.installation import ensure, fetch_torch, python_of
from isvc.environments.recipes import RECIPES, Recipe, recipe, script_of

__all__ = ["RECIPES", "Recipe", "cache_folder", "command", "ensure", "fetch_torch", "python_of", "recipe"]


def command(role: str, program: str) -> tuple[str, ...]:
    """The beginning of the command line that runs `program` in the environment of `role`.

    A role with a serve.py runs that in the place of the program. Raises EnvironmentFailed.
    """
    python, script = python_of(recipe(role)), script_of(role)
    return (str(python), str(script)) if script.is_file() else (str(python.with_name(program)),)
