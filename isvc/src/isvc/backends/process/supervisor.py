"""The loop that makes what runs agree with what is wanted, and reports it. One per project, a process of its own.

`reconcile` says what to do; here it is done. The loop turns when a child ends, a probe succeeds, `isvc` signals
(SIGHUP) or a deadline falls due, and looks at wanted.json each time.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from isvc.backends import ports
from isvc.backends.folder import ProjectFolder, Stamp, remove_others, service_folder
from isvc.backends.ports import HOST
from isvc.backends.process import ingress, journal, reconcile, rollout
from isvc.backends.process.binding import Process, Surroundings, bind, label, site, wanted_ports
from isvc.backends.process.journal import JournalFile
from isvc.backends.process.reconcile import Running, is_alive
from isvc.backends.process.revisions import folders, instances, unit_of
from isvc.backends.process.rollout import Rollout
from isvc.backends.process.routes import Routes
from isvc.backends.process.started import StartedUnit
from isvc.backends.records import ProcessId, Report, Wanted, WantedService
from isvc.backends.stack import Phase, ServiceStatus, StackStatus, UnitStatus
from isvc.errors import StackError
from isvc.plan.units import Directory

logger = logging.getLogger(__name__)

_LONGEST_SLEEP = 1.0
"""Seconds after which wanted.json is looked at without a signal."""
_MOST_PORTS = 5
"""Times in a row that a unit gets another port because its own was taken when it came to listen."""


@dataclass
class Supervisor:
    folder: ProjectFolder
    surroundings: Surroundings
    identity: ProcessId
    lock: IO[str]
    """The project's supervisor lock, given up on leaving."""
    wanted: Wanted = field(default_factory=Wanted)
    _units: dict[str, StartedUnit] = field(default_factory=dict)
    _ports: dict[str, dict[str, int]] = field(default_factory=dict)
    _wanted_stamp: Stamp | None = None
    _port_tries: dict[str, int] = field(default_factory=dict)
    _rollouts: dict[str, Rollout] = field(default_factory=dict)
    _journals: dict[str, JournalFile] = field(default_factory=dict)
    _processes: tuple[Process, ...] = ()
    _reported: Report | None = None
    _closing: bool = False
    _turn: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._routes = Routes(self.folder.routes, self._turn.set)

    async def run(self) -> None:
        """Until nothing is wanted any more and nothing runs, or a signal asks for the end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGCHLD):
            loop.add_signal_handler(number, self._turn.set)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._close)
        self._clear()
        while not self._step_or_complain():
            await self._sleep()

    def _close(self) -> None:
        self._closing = True
        self._turn.set()

    def _step_or_complain(self) -> bool:
        try:
            return self._step()
        except (OSError, StackError):
            # A full disk, no free port: what runs goes on, and the next turn tries again.
            logger.exception("this turn was not finished")
            return False

    def _step(self) -> bool:
        """One turn. True when there is nothing left to do."""
        self._turn.clear()
        self._read_wanted()
        self._notice_ends()
        # Before anything is started, which takes time: a unit that has ended should get no more requests.
        self._lead()
        self._processes = self._bind()
        self._act()
        self._lead()
        self._sweep()
        self._report()
        return not self.wanted.services and not self._units and self._may_leave()

    async def _sleep(self) -> None:
        now, running = time.monotonic(), self._running()
        due = [reconcile.next_deadline(self._processes, running, now)]
        due += [rollout.next_deadline(each, now) for each in self._rollouts.values()]
        seconds = min((each + 0.001 for each in due if each is not None), default=_LONGEST_SLEEP)
        try:
            async with asyncio.timeout(min(seconds, _LONGEST_SLEEP)):
                await self._turn.wait()
        except TimeoutError:
            pass

    # What is wanted

    def _read_wanted(self) -> None:
        stamp = self.folder.wanted_stamp()
        if stamp != self._wanted_stamp:
            self._wanted_stamp = stamp
            try:
                self.wanted = self.folder.read_wanted()
            except StackError as exc:
                logger.error("%s", exc)  # noqa: TRY400  # the message is whole; what was wanted before stands
        if self._closing:
            self.wanted = dataclasses.replace(self.wanted, services=())

    def _bind(self) -> tuple[Process, ...]:
        """Everything that has to run, of all revisions."""
        if not self.wanted.services:
            return ()
        services = self._revisions()
        self._allot_ports(services)
        routes = ingress.ingress_process(self.wanted.ingress_port, self.folder.routes, self.surroundings)
        kept = self._kept()
        found = bind(services, self._ports, self.surroundings)
        return (routes, *(process for process in found if process.key in kept))

    def _revisions(self) -> list[WantedService]:
        """What is wanted, and of each service what served before it."""
        older = (old for each in self._rollouts.values() for old in (*each.kept, *each.draining))
        return list(dict.fromkeys((*self.wanted.services, *older)))

    def _kept(self) -> frozenset[str]:
        running = self._running()
        kept = (
            rollout.kept_instances(self._rollouts[service.key], service, running) for service in self.wanted.services
        )
        return frozenset[str]().union(*kept)

    def _allot_ports(self, services: Sequence[WantedService]) -> None:
        needed = wanted_ports(services)
        self._ports = {key: chosen for key, chosen in self._ports.items() if tuple(chosen) == needed.get(key)}
        taken = {number for chosen in self._ports.values() for number in chosen.values()}
        for key in needed.keys() - self._ports.keys():
            self._ports[key] = {}
            for name in needed[key]:
                self._ports[key][name] = ports.choose(taken)
                taken.add(self._ports[key][name])

    def _may_leave(self) -> bool:
        """Whether, with nobody changing what is wanted, still nothing is: a change made later finds no supervisor."""
        with self.folder.changing():
            if not self._closing and self.folder.read_wanted().services:
                return False
            self.folder.remove_report()
            # Not at the end of the process: whoever changes what is wanted next must not take this for a supervisor.
            self.lock.close()
            return True

    # What runs

    def _running(self) -> dict[str, Running]:
        return {key: unit.running for key, unit in self._units.items()}

    def _notice_ends(self) -> None:
        for key, unit in self._units.items():
            if unit.running.phase is Phase.READY:
                self._port_tries.pop(key, None)
            if unit.notice_end() and unit.port_was_taken and self._port_tries.get(key, 0) < _MOST_PORTS:
                # With another port the unit, and those that call it, are other processes: they are started anew.
                self._port_tries[key] = self._port_tries.get(key, 0) + 1
                self._ports.pop(key, None)

    def _act(self) -> None:
        by_key = {process.key: process for process in self._processes}
        # An action may call for the next: a unit that cannot be started, one that is forgotten and started anew.
        while actions := reconcile.decide(self._processes, self._running(), time.monotonic()):
            for action in actions:
                self._carry_out(action, by_key)

    def _carry_out(self, action: reconcile.Action, processes: Mapping[str, Process]) -> None:
        match action:
            case reconcile.Start(key):
                self._start(processes[key])
            case reconcile.Stop(key):
                self._units[key].ask_to_end()
            case reconcile.Kill(key):
                self._units[key].kill()
            case reconcile.Forget(key):
                self._forget(key)

    def _start(self, process: Process) -> None:
        if process.key not in self._units:
            self._units[process.key] = StartedUnit(
                process, self._journal(unit_of(process.key)), str(self.folder.root), self._turn.set
            )
        # Only folders of the project's own are made: a build folder that is missing is an error.
        if Path(process.folder).is_relative_to(self.folder.root):
            Path(process.folder).mkdir(parents=True, exist_ok=True)
        for folder in process.folders:
            Path(folder).mkdir(parents=True, exist_ok=True)
        self._units[process.key].start()

    def _forget(self, key: str) -> None:
        del self._units[key]
        unit = unit_of(key)
        if all(unit_of(other) != unit for other in self._units):
            self._journals.pop(unit).close()

    def _journal(self, unit: str) -> JournalFile:
        if unit not in self._journals:
            self._journals[unit] = JournalFile(self.folder.journals / journal.file_name(unit))
        return self._journals[unit]

    # Routes and report

    def _clear(self) -> None:
        """Routes and journals are of the units that run under this supervisor."""
        for file in (*self.folder.routes.iterdir(), *self.folder.journals.iterdir()):
            file.unlink()

    def _lead(self) -> None:
        """Lead the requests of each service to the revision that is ready for them."""
        running, now = self._running(), time.monotonic()
        self._rollouts = {
            service.key: rollout.advance(
                self._rollouts.get(service.key, Rollout()),
                service,
                running,
                now,
                loaded=self._routes.loaded(ingress.route_file(service.plan)),
            )
            for service in self.wanted.services
        }
        open_to = (self._rollouts[service.key].serving or service for service in self.wanted.services)
        self._routes.write(
            {ingress.route_file(each.plan): self._route_text(each) for each in open_to if not each.plan.stopped},
            f"{HOST}:{self.wanted.ingress_port}",
        )

    def _route_text(self, service: WantedService) -> tuple[str, str]:
        served = self._rollouts[service.key].serving is not None
        ready = rollout.ready_units(service, self._running()) if served else ()
        return ingress.route_text(service.plan, site(service, self._ports, self.folder.root), ready)

    def _sweep(self) -> None:
        """Remove the folders of revisions of which nothing runs any more."""
        for service in self.wanted.services:
            runs = {key for key in self._units if key.startswith(f"{service.key}/")}
            if runs <= set(instances(service).values()):
                place = service_folder(self.folder.root, service.plan.namespace, service.plan.name)
                remove_others(place, folders(service).values())

    def _report(self) -> None:
        status = StackStatus(
            project=self.folder.project,
            backend="process",
            running=True,
            ingress_host=HOST,
            ingress_port=self.wanted.ingress_port,
            services=tuple(self._service_status(service) for service in self.wanted.services),
            ingress=self._unit_status(ingress.KEY, ingress.KEY),
            generation=self.wanted.generation,
        )
        children = tuple((key, unit.child) for key, unit in self._units.items() if unit.child is not None)
        report = Report(self.identity, status, children)
        if report != self._reported:
            self.folder.write_report(report)
            self._reported = report

    def _service_status(self, service: WantedService) -> ServiceStatus:
        stands, running, wanted = self._rollouts[service.key], self._running(), instances(service)
        units = tuple(self._unit_status(key, name) for name, key in wanted.items())
        others = [key for key in self._units if key.startswith(f"{service.key}/") and key not in wanted.values()]
        previous = tuple(self._unit_status(key, label(unit_of(key))) for key in others if is_alive(running[key]))
        if service.plan.stopped:  # those that are still on their way out
            units, previous = previous, ()
        shared = site(service, self._ports, self.folder.root)
        return ServiceStatus(
            service.plan,
            service.created,
            rollout.route_state(stands, running),
            units,
            previous,
            rollout.is_current(stands, service),
            tuple((name, shared.path(Directory(name))) for name in shared.folders),
        )

    def _unit_status(self, key: str, name: str) -> UnitStatus:
        unit = self._units.get(key)
        return unit.status(name) if unit else UnitStatus(name, Phase.WAITING)
