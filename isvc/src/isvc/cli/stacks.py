"""From options to the stack they speak of: its backend, and the services that a name on the command line means."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isvc.backends import compose
from isvc.backends.folder import ProjectFolder
from isvc.backends.process.backend import ProcessBackend
from isvc.backends.stack import Backend, ServiceStatus, StackStatus
from isvc.cli.console import Console
from isvc.errors import InputError
from isvc.server import control
from isvc.server.control import ControlPlane

if TYPE_CHECKING:
    from isvc.server.reconcile import Reconciler
    from isvc.server.stewards import Wanted

STATE_FOLDER = ".isvc"
_PROJECT = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def backend(options: Namespace, console: Console) -> Backend:
    """The backend of the project that the options name."""
    if not _PROJECT.fullmatch(options.project):
        raise InputError(f"--project {options.project}: a name is lower-case letters, digits and dashes")
    folder = ProjectFolder(state_folder(options) / options.project)
    plane, asked = control_plane(options), getattr(options, "backend", None)
    if (_served(asked, plane) if plane else _chosen(asked, folder)) == "compose":
        return compose.connect(folder, console.say)
    return ProcessBackend(folder)


def control_plane(options: Namespace) -> ControlPlane | None:
    """The one that `isvc serve` runs for the project."""
    return control.find(state_folder(options) / options.project)


def steward(
    options: Namespace, reconciler: Reconciler, plane: ControlPlane | None, objects: Sequence[Wanted] = ()
) -> Backend:
    """Stands in for the backend where a command changes what is wanted, which is `objects`."""
    # Imported when called for: a command that only looks would wait for a database and for TLS.
    from isvc.server.client import Client
    from isvc.server.stewards import Alone, Served

    if plane is not None:
        return Served(Client(plane), reconciler.backend, objects)
    return Alone(state_folder(options) / options.project / control.OBJECTS, reconciler, objects)


def _served(asked: str | None, plane: ControlPlane) -> str:
    """What the control plane runs all services by."""
    if asked not in (None, "auto", plane.backend):
        raise InputError(f"`isvc serve` runs this project by --backend {plane.backend}; take another --project")
    return plane.backend


def _chosen(asked: str | None, folder: ProjectFolder) -> str:
    """`process` or `compose`: what runs the project already, else what was asked for.

    `asked` is `auto`, `process` or `compose`, and None for a command that starts nothing.
    """
    wanted = folder.read_wanted()
    if wanted.services:
        if asked not in (None, "auto", wanted.backend):
            raise InputError(
                f"project {folder.project} runs by --backend {wanted.backend}; `isvc down --project {folder.project}` "
                "first, or take another --project"
            )
        return wanted.backend
    if asked == "auto":
        return "compose" if compose.possible() else "process"
    # A project that is down keeps the volumes of its containers, which only Compose can remove.
    return asked or ("compose" if compose.has_file(folder.root) else "process")


def projects(options: Namespace) -> list[str]:
    """Every project that has state."""
    folder = state_folder(options)
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []


def state_folder(options: Namespace) -> Path:
    """`--state-dir`, else `.isvc` of the nearest folder that has one or has settings, else of this one."""
    if options.state_dir is not None:
        return Path(options.state_dir).absolute()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / STATE_FOLDER).is_dir() or (folder / "isvc.yaml").is_file():
            return folder / STATE_FOLDER
    return here / STATE_FOLDER


def find(status: StackStatus, name: str) -> ServiceStatus:
    """The service called `name`, or `namespace/name` where several namespaces have one."""
    found = [service for service in status.services if name in (service.plan.name, service.key)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{name} is in several namespaces; say {' or '.join(service.key for service in found)}")
    raise InputError(f'inferenceservices.serving.kserve.io "{name}" not found; {_there_is(status)}')


def only(status: StackStatus, name: str | None) -> ServiceStatus:
    """The service called `name`; without a name, the one there is."""
    if name is not None:
        return find(status, name)
    if len(status.services) == 1:
        return status.services[0]
    raise InputError(f"say which InferenceService: {_there_is(status)}")


def _there_is(status: StackStatus) -> str:
    names: Sequence[str] = [service.plan.name for service in status.services]
    return f"project {status.project} has {', '.join(names)}" if names else f"project {status.project} has none"
