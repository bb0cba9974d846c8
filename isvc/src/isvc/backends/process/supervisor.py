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
from isvc.backends.folder import ProjectFolder, Stamp, service_folder, write_atomically
from isvc.backends.ports import HOST
from isvc.backends.process import ingress, reconcile
from isvc.backends.process.binding import (
    Process,
    ProcessSite,
    Surroundings,
    bind,
    label,
    unit_key,
    wanted_ports,
)
from isvc.backends.process.reconcile import Running
from isvc.backends.process.started import StartedUnit
from isvc.backends.records import ProcessId, Report, Wanted, WantedService
from isvc.backends.stack import Phase, RouteState, ServiceStatus, StackStatus, UnitStatus
from isvc.errors import StackError

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
    _opened: set[str] = field(default_factory=set)
    _routes: dict[str, str] = field(default_factory=dict)
    _reported: Report | None = None
    _closing: bool = False
    _turn: asyncio.Event = field(default_factory=asyncio.Event)

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
        processes = self._bind()
        # Before anything is started, which takes time: a unit that has ended should get no more requests.
        self._write_routes()
        self._act(processes)
        self._report(self._write_routes())
        return not self.wanted.services and not self._units and self._may_leave()

    async def _sleep(self) -> None:
        due = reconcile.next_deadline(self._running(), time.monotonic())
        try:
            async with asyncio.timeout(_LONGEST_SLEEP if due is None else min(due + 0.001, _LONGEST_SLEEP)):
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
        if not self.wanted.services:
            return ()
        self._allot_ports()
        routes = ingress.ingress_process(self.wanted.ingress_port, self.folder.routes, self.surroundings)
        return (routes, *bind(self.wanted.services, self._ports, self.surroundings))

    def _allot_ports(self) -> None:
        needed = wanted_ports(self.wanted.services)
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

    def _act(self, processes: Sequence[Process]) -> None:
        by_key = {process.key: process for process in processes}
        # An action may call for the next: a unit that cannot be started, one that is forgotten and started anew.
        while actions := reconcile.decide(processes, self._running(), time.monotonic()):
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
                self._units.pop(key).close()

    def _start(self, process: Process) -> None:
        if process.key not in self._units:
            journals, mark = self.folder.journals, str(self.folder.root)
            self._units[process.key] = StartedUnit(process, journals, mark, self._turn.set)
        # Only folders of the project's own are made: a build folder that is missing is an error.
        if Path(process.folder).is_relative_to(self.folder.root):
            Path(process.folder).mkdir(parents=True, exist_ok=True)
        for folder in process.folders:
            Path(folder).mkdir(parents=True, exist_ok=True)
        self._units[process.key].start()

    # Routes and report

    def _clear(self) -> None:
        """Routes and journals are of the units that run under this supervisor."""
        for file in (*self.folder.routes.iterdir(), *self.folder.journals.iterdir()):
            file.unlink()

    def _write_routes(self) -> dict[str, RouteState]:
        states = reconcile.route_states(self.wanted.services, self._running(), self._opened)
        texts = {}
        for service in self.wanted.services:
            if states[service.key] is not RouteState.ABSENT:
                ready = reconcile.ready_units(service, self._running())
                texts[ingress.route_file(service.plan)] = ingress.route_text(service.plan, self._site(service), ready)
                self._opened.add(service.key)
        self._opened &= {service.key for service in self.wanted.services}
        for name in self._routes.keys() - texts.keys():
            (self.folder.routes / name).unlink(missing_ok=True)
        for name, text in texts.items():
            if self._routes.get(name) != text:
                write_atomically(self.folder.routes / name, text)
        self._routes = texts
        return states

    def _site(self, service: WantedService) -> ProcessSite:
        plan = service.plan
        return ProcessSite(service.key, self._ports, service_folder(self.folder.root, plan.namespace, plan.name))

    def _report(self, states: Mapping[str, RouteState]) -> None:
        status = StackStatus(
            project=self.folder.project,
            backend="process",
            running=True,
            ingress_host=HOST,
            ingress_port=self.wanted.ingress_port,
            services=tuple(self._service_status(service, states[service.key]) for service in self.wanted.services),
            ingress=self._unit_status(ingress.KEY, ingress.KEY),
            generation=self.wanted.generation,
        )
        children = tuple((key, unit.child) for key, unit in self._units.items() if unit.child is not None)
        report = Report(self.identity, status, children)
        if report != self._reported:
            self.folder.write_report(report)
            self._reported = report

    def _service_status(self, service: WantedService, route: RouteState) -> ServiceStatus:
        names = [unit.name for unit in service.plan.units]
        if service.plan.stopped:  # those that are still on their way out
            names = [label(key) for key in self._units if key.startswith(f"{service.key}/")]
        units = tuple(self._unit_status(unit_key(service.key, name), name) for name in names)
        return ServiceStatus(service.plan, service.created, route, units)

    def _unit_status(self, key: str, name: str) -> UnitStatus:
        unit = self._units.get(key)
        return unit.status(name) if unit else UnitStatus(name, Phase.WAITING)
