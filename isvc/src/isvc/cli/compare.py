"""`isvc compare`: REST against gRPC. What measures is another program of the checkout, `benchmark.compare`."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from isvc.backends.stack import ServiceStatus
from isvc.cli import stacks
from isvc.cli.console import Console
from isvc.errors import InputError
from isvc.server.exchange import Ingress

PROGRAM = "benchmark.compare"
_PASSED_ON = ("target", "service_host", "model", "input", "predictor", "payload_sizes", "out")
_SWITCHES = ("quick", "check")


def run(options: Namespace, console: Console) -> int:
    command = [sys.executable, "-m", PROGRAM, *arguments(options, _service(options, console))]
    folder = checkout(Path.cwd())
    child = subprocess.Popen(command, env=_environment(folder))
    # Ctrl-C reaches the child as well, which then writes what it has; its exit code is ours.
    while True:
        with suppress(KeyboardInterrupt):
            return child.wait()


def arguments(options: Namespace, service: Mapping[str, str]) -> list[str]:
    """Those of the program; `service` says where the service that was named is."""
    given = {name: value for name in _PASSED_ON if (value := getattr(options, name)) is not None}
    made = [f"--{name}" for name in _SWITCHES if getattr(options, name)]
    for name, value in {**service, **given}.items():
        text = str(value.absolute()) if isinstance(value, Path) else str(value)
        made += [f"--{name.replace('_', '-')}", text]
    return made


def checkout(start: Path) -> Path:
    """The nearest folder that has the program, from `start` or from this file upwards. Raises InputError."""
    here = Path(__file__)
    for folder in (start, *start.parents, *here.parents):
        if (folder / "benchmark/compare/__main__.py").is_file():
            return folder
    raise InputError("benchmark/compare is not here: run `isvc compare` in a checkout of kserve-local")


def _service(options: Namespace, console: Console) -> dict[str, str]:
    """Where the service called `name` is; without a name, nothing: the program brings up what it needs."""
    if options.name is None:
        return {}
    status = stacks.backend(options, console).status()
    return where(stacks.find(status, options.name), Ingress.of(status))


def where(service: ServiceStatus, ingress: Ingress) -> dict[str, str]:
    plan = service.plan
    return {"target": f"http://{ingress}", "service_host": plan.host, "model": plan.model_name}


def _environment(folder: Path) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}
