"""`isvc kubeconfig`: how kubectl reaches a project's API: `export KUBECONFIG=$(isvc kubeconfig --path)`."""

from __future__ import annotations

from argparse import Namespace

from isvc.cli import stacks
from isvc.cli.console import Console
from isvc.errors import StackError
from isvc.server import kubeconfig


def run(options: Namespace, console: Console) -> int:
    root = stacks.state_folder(options) / options.project
    file = kubeconfig.path(root)
    if not file.is_file():
        raise StackError(f"project {options.project} has no API yet; start one with `isvc serve`")
    console.say(str(file) if options.path else file.read_text().rstrip())
    return 0
