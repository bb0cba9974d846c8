"""`isvc down`: stop services, wait until nothing of them runs. What is stopped already is no error."""

from __future__ import annotations

from argparse import Namespace

from isvc.backends.stack import Backend
from isvc.cli import stacks
from isvc.cli.console import Console
from isvc.errors import InputError
from isvc.server.reconcile import Reconciler, nothing


def run(options: Namespace, console: Console) -> int:
    if options.all and options.names:
        raise InputError("--all stops everything; leave out the names, or --all")
    if options.volumes and options.names:
        raise InputError("--volumes removes the state of a whole project; leave out the names")
    for project in stacks.projects(options) if options.all else [options.project]:
        backend = _steward(Namespace(**{**vars(options), "project": project}), console)
        removed = _remove(backend, options.names, console) if options.names else backend.down(volumes=options.volumes)
        for key in removed:
            console.say(f'inferenceservice.serving.kserve.io "{key.rpartition("/")[2]}" deleted')
        if not removed:
            console.say(f"nothing to stop in project {project}")
    return 0


def _steward(options: Namespace, console: Console) -> Backend:
    """The stack, and the objects that want it: one does not go without the other."""
    reconciler = Reconciler(stacks.backend(options, console), nothing)
    return stacks.steward(options, reconciler, stacks.control_plane(options))


def _remove(backend: Backend, names: list[str], console: Console) -> tuple[str, ...]:
    keys = []
    status = backend.status()
    for name in names:
        found = [service.key for service in status.services if name in (service.plan.name, service.key)]
        if len(found) > 1:
            raise InputError(f"{name} is in several namespaces; say {' or '.join(found)}")
        if not found:
            console.say(f'inferenceservice.serving.kserve.io "{name}" not found')
        keys += found
    return backend.remove(keys) if keys else ()
