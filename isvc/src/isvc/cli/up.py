"""`isvc up`: YAML in, answering services out, or a clear reason and nothing left running of what this call started.

Where services of the project ran before, a failed `up` gives them back what they were.
"""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from isvc import manifest, settings
from isvc.backends import sources
from isvc.backends.stack import Applied, Backend, Change, Phase, ServiceStatus, StackStatus
from isvc.cli import payload, progress, stacks
from isvc.cli.console import Console
from isvc.cli.invocations import curl, grpcurl, predict_path, served_name
from isvc.errors import InputError, StackError, UnitFailed
from isvc.manifest import Document
from isvc.plan.units import Plan, ServicePlan
from isvc.server import predictors, stewards
from isvc.server.control import ControlPlane
from isvc.server.exchange import Answer, Ingress
from isvc.server.reconcile import Reconciler

_POLL = 0.03
_REMINDER = 10.0
"""Seconds without news after which `up` says what it waits for."""
_TAIL = 20


def run(options: Namespace, console: Console) -> int:
    started = time.monotonic()
    backend = stacks.backend(options, console)
    console.say(f"backend: {backend.name} ({backend.description})")
    documents, set_up = manifest.read(options.files), settings.load(Path.cwd(), options.settings)
    plane = stacks.control_plane(options)
    reconciler = Reconciler(backend, predictors.planner(set_up, _choice(options, plane, backend)))
    wanted = reconciler.plan(documents, lambda text: console.say(f"  {text}"))
    for notice in dict.fromkeys(notice for service in wanted.services for notice in service.notices):
        console.say(f"  {notice}")
    wanted = _standing_anywhere(wanted)
    ascend(_steward(reconciler, plane, documents, wanted, options), wanted, console, options, started)
    if not options.no_wait:
        _say_what_next(backend, wanted, console)
    return 0


def _choice(options: Namespace, plane: ControlPlane | None, backend: Backend) -> predictors.Choice:
    """As asked; where a control plane makes the plans, as that one was asked."""
    if plane is None:
        return predictors.Choice(options.real, options.storage, backend.name)
    for option, usual, here in (("real", "auto", plane.real), ("storage", "folder", plane.storage)):
        asked = getattr(options, option)
        if asked not in (usual, here):
            raise InputError(
                f"`isvc serve` runs this project with --{option} {here}; start it anew with --{option} {asked}"
            )
    return predictors.Choice(plane.real, plane.storage, backend.name)


def _steward(
    reconciler: Reconciler, plane: ControlPlane | None, documents: Sequence[Document], plan: Plan, options: Namespace
) -> Backend:
    """Who is given `documents`, of which `plan` was made."""
    folders = {
        f"{service.namespace}/{service.name}": sorted({unit.folder for unit in service.units if unit.folder})
        for service in plan.services
    }
    objects = stewards.objects(documents, lambda key: _digest(folders.get(key, [])))
    return stacks.steward(options, reconciler, plane, objects)


def _digest(folders: Sequence[str]) -> str:
    return "-".join(sources.digest(Path(folder)) for folder in folders)


def ascend(backend: Backend, wanted: Plan, console: Console, options: Namespace, started: float) -> None:
    """Apply `wanted` and wait until it predicts; take it back where that fails. Raises StackError.

    Of `options`: `ingress_port`, `no_wait` and `timeout`, which counts from `started` on the monotonic clock.
    """
    applied = backend.apply(wanted, options.ingress_port)
    try:
        for (_, change), service in zip(applied.changes, wanted.services, strict=True):
            console.say(f"inferenceservice.serving.kserve.io/{service.name} {change.value}")
        if not options.no_wait:
            _Ascent(backend, applied, wanted, console, started, options.timeout).wait()
    except BrokenPipeError:
        raise  # nobody reads any more; what was asked for goes on
    except BaseException:  # an interrupt too
        console.complain("taking back what this call changed")
        backend.revert(applied)
        for key, change in applied.changes:
            if change is Change.CONFIGURED:
                console.complain(f"{key.rpartition('/')[2]} is as it was before")
        raise


def _standing_anywhere(wanted: Plan) -> Plan:
    """With the paths of the warm-up bodies absolute: `isvc predict` may be called from another folder."""
    services = (
        replace(service, warmup=str(Path(service.warmup).absolute()) if service.warmup else None)
        for service in wanted.services
    )
    return Plan(tuple(services))


@dataclass
class _Ascent:
    """The wait from `apply` to a real prediction."""

    backend: Backend
    applied: Applied
    wanted: Plan
    console: Console
    started: float
    timeout: float
    """Seconds from the moment at which the units may start: building and pulling images is not counted."""
    told: set[str] = field(default_factory=set)
    begun: float = field(default_factory=time.monotonic)
    news: float = field(default_factory=time.monotonic)

    def wait(self) -> None:
        self._until(self._units_ready)
        self._until(self._warm)
        self.console.say(f"ready after {time.monotonic() - self.started:.1f} s")

    def _until(self, holds: Callable[[StackStatus], bool]) -> None:
        while True:
            status = self.backend.status()
            if holds(status):
                return
            self._check(status)
            time.sleep(_POLL)

    def _check(self, status: StackStatus) -> None:
        if not status.running:
            raise StackError("what watches over the units has ended; its own log is supervisor.log in the state folder")
        failure = progress.failure(status, {key for key, _ in self.applied.changes})
        if failure is not None:
            raise failure
        now = time.monotonic()
        if now - self.begun > self.timeout:
            raise self._too_late(status)
        if now - self.news > _REMINDER:
            self._tell(f"waiting for {progress.pending(self._services(status))}")

    def _too_late(self, status: StackStatus) -> UnitFailed:
        services = self._services(status)
        late = next((service for service in services if not service.units_ready), services[0])
        name = next((unit.name for unit in late.units if not unit.phase.settled), late.units[-1].name)
        return UnitFailed(
            name,
            f"not ready after {self.timeout:g} s; --timeout S allows more",
            last_lines(self.backend, f"{late.key}/{name}"),
        )

    def _services(self, status: StackStatus) -> list[ServiceStatus]:
        keys = {key for key, _ in self.applied.changes}
        return [service for service in status.services if service.key in keys]

    def _units_ready(self, status: StackStatus) -> bool:
        services = self._services(status)
        for service in services:
            for milestone in progress.milestones(service):
                self._tell_once(milestone)
        if status.ingress is not None and status.ingress.phase is not Phase.READY:
            return False  # a predictor can be faster
        return len(services) == len(self.applied.changes) and all(
            service.ready or (service.plan.stopped and not service.units) for service in services
        )

    def _warm(self, status: StackStatus) -> bool:
        ingress = Ingress.of(status)
        warm = [self._is_warm(service, ingress) for service in self.wanted.services if not service.stopped]
        return all(warm)

    def _is_warm(self, service: ServicePlan, ingress: Ingress) -> bool:
        said = (
            "predicts"
            if service.warmup
            else "answers (only readiness was asked for: no input.json beside the YAML, no prediction tried)"
        )
        told = f"{service.name} {said}"
        if told in self.told:
            return True
        answer = self._warm_up(service, ingress)
        if answer.status == 200:
            self._tell_once(told)
            return True
        if answer.from_ingress or answer.status == 503:
            return False  # the route is being loaded, or a unit has just gone and comes back
        if service.warmup is None:  # a server of the user's own need not know V2's health
            self._tell_once(told)
            return True
        raise self._refused(service, answer)

    def _refused(self, service: ServicePlan, answer: Answer) -> UnitFailed:
        front = service.route.rest.unit
        lines = last_lines(self.backend, f"{service.namespace}/{service.name}/{front}")
        return UnitFailed(front, f"the first prediction was answered {answer.status} {answer.text}", lines)

    def _warm_up(self, service: ServicePlan, ingress: Ingress) -> Answer:
        left = max(1.0, self.begun + self.timeout - time.monotonic())
        if service.warmup is None:
            return ingress.get(service.host, "/v2/health/ready", left)
        body = Path(service.warmup).read_bytes()
        return ingress.post(service.host, predict_path(service.model_name, body), body, left)

    def _tell_once(self, what: str) -> None:
        if what not in self.told:
            self.told.add(what)
            self._tell(what)

    def _tell(self, text: str) -> None:
        self.news = time.monotonic()
        self.console.say(f"  {self.news - self.started:4.1f} s  {text}")


def last_lines(backend: Backend, unit: str) -> Sequence[str]:
    return [line.text for line in backend.logs([unit], _TAIL, follow=False)]


def _say_what_next(backend: Backend, wanted: Plan, console: Console) -> None:
    ingress = Ingress.of(backend.status())
    for planned in wanted.services:
        if planned.stopped:
            continue
        service = replace(planned, model_name=served_name(planned, ingress))
        console.say(f"\n{service.name}: http://{service.host} by way of http://{ingress}")
        console.say(f"  {curl(service, ingress)}")
        if service.route.grpc is not None:
            console.say(f"  {grpcurl(service, ingress, _grpc_input(backend, service))}")


def _grpc_input(backend: Backend, service: ServicePlan) -> Path | None:
    """The file with the warm-up body as grpcurl takes it."""
    if service.warmup is None:
        return None
    try:
        body = payload.parse(Path(service.warmup).read_bytes(), service.warmup)
        request = payload.grpc(body, service.model_name, service.warmup)
    except InputError:
        return None  # V1 knows forms that no tensor has
    file = Path(backend.scratch(service)) / "grpc-input.json"
    file.write_text(json.dumps(request))
    return file
