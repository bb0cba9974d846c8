"""`isvc serve`: a control plane that stays: the Kubernetes API, and the controller behind it."""

from __future__ import annotations

import asyncio
import logging
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from isvc import settings
from isvc.backends.stack import Backend
from isvc.cli import stacks
from isvc.cli.console import Console
from isvc.manifest import Document
from isvc.plan.units import Plan
from isvc.server import control, kubeconfig, namespaces, serving
from isvc.server.control import ControlPlane
from isvc.server.controller import Controller
from isvc.server.predictors import Choice, plan_with
from isvc.server.reconcile import Planner, Say
from isvc.server.store import Store
from isvc.settings import Settings


def run(options: Namespace, console: Console) -> int:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(name)s: %(message)s")
    backend = stacks.backend(options, console)
    root = stacks.state_folder(options) / options.project
    planner = _planner(settings.load(Path.cwd(), options.settings), Choice(options.real, options.storage, backend.name))
    with control.claim(root):
        store = Store(root / control.OBJECTS)
        try:
            asyncio.run(_serve(options, console, backend, planner, store, root))
        finally:
            store.close()
    console.say("the control plane has ended; what runs goes on, and the next `isvc serve` takes it over")
    return 0


async def _serve(
    options: Namespace, console: Console, backend: Backend, planner: Planner, store: Store, root: Path
) -> None:
    access = kubeconfig.prepare(root, datetime.now(UTC))
    namespaces.ensure_default(store)
    bound = serving.listen(options.port) if options.port else serving.listen(kubeconfig.last_port(root), 0)
    controller = Controller(store, backend, planner, ingress_port=options.ingress_port)
    async with serving.api(store, controller.views, access, bound) as port:
        file = kubeconfig.write(root, access, port)
        plane = ControlPlane(
            f"https://{serving.HOST}:{port}",
            str(access.authority),
            access.token,
            options.real,
            options.storage,
            backend.name,
        )
        control.announce(root, plane)
        console.say(f"serving the Kubernetes API of project {root.name} on {plane.url} ({backend.description})")
        console.say(f"  export KUBECONFIG={file}")
        await serving.until_told((controller.run, lambda: namespaces.sweep(store)))


def _planner(chosen: Settings, choice: Choice) -> Planner:
    def plan(documents: Sequence[Document], say: Say) -> Plan:
        return plan_with(documents, chosen, choice, say)

    return plan
