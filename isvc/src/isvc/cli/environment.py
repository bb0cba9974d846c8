"""`isvc environment`: make the environment of a server now, before going offline for instance; print its folder."""

from __future__ import annotations

from argparse import Namespace

from isvc.cli.console import Console
from isvc.environments import RECIPES, ensure, recipe
from isvc.errors import InputError


def run(options: Namespace, console: Console) -> int:
    known = [each.name for each in RECIPES]
    for name in options.names:
        if name not in known:
            raise InputError(f"no environment is called {name}; there are {', '.join(known)}")
    for name in options.names:
        console.say(str(ensure(recipe(name), console.complain).parents[1]))
    return 0
