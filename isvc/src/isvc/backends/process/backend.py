"""The process backend as `isvc` sees it: writes what is wanted, keeps a supervisor, reads its report."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from isvc.backends import files
from isvc.backends.process import ingress, journal, ports, reconcile, sources, survivors
from isvc.backends.process.binding import label, service_folder, unit_key
from isvc.backends.process.folder import ProjectFolder, Stamp
from isvc.backends.process.records import ProcessId, Report, Wanted, WantedService
from isvc.backends.stack import Applied, Change, LogLine, Phase, RouteState, ServiceStatus, StackStatus, UnitStatus
from isvc.errors import PortTaken, StackError, UnitFailed, WaitTimeout
from isvc.plan.units import Plan, ServicePlan

DEFAULT_INGRESS_PORT = 8080
_SUPERVISOR_START = 20.0
_STOP = reconcile.GRACE + 10.0
_POLL = 0.02
_LONGEST_SUPERVISOR_LOG = 1024 * 1024


class ProcessBackend:
    name = "process"
    description = "child processes on this machine, no containers"

    def __init__(self, folder: ProjectFolder) -> None:
        self._folder = folder
        self._before: dict[int, Wanted] = {}
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._read: tuple[Stamp | None, Report | None] | None = None

    # Changing what is wanted

    def apply(self, plan: Plan, ingress_port: int | None) -> Applied:
        with self._folder.changing():
            before = self._folder.read_wanted()
            port = self._ingress_port(ingress_port, before)
            services = [wanted_service(service, before) for service in plan.services]
            wanted = merge(before, services, port)
            self._write_wanted(wanted)
        self._before[wanted.generation] = before
        applied = Applied(changes(before, services), wanted.generation, port)
        try:
            self._wake_or_start(wanted.generation)
        except BaseException:  # an interrupt too: the caller has nothing in hand yet to take it back with
            self.revert(applied)
            raise
        return applied

    def revert(self, applied: Applied) -> None:
        before = self._before[applied.generation]
        with self._folder.changing():
            now = self._folder.read_wanted()
            wanted = put_back(now, before, {key for key, _ in applied.changes})
            self._write_wanted(wanted)
        self._settle(wanted)

    def remove(self, keys: Iterable[str]) -> tuple[str, ...]:
        unwanted = set(keys)
        with self._folder.changing():
            now = self._folder.read_wanted()
            kept = tuple(service for service in now.services if service.key not in unwanted)
            wanted = dataclasses.replace(now, services=kept, generation=now.generation + 1)
            self._write_wanted(wanted)
        self._settle(wanted)
        return tuple(service.key for service in now.services if service.key in unwanted)

    def down(self, *, volumes: bool) -> tuple[str, ...]:
        if not self._folder.root.exists():
            return ()
        with self._folder.changing():
            now = self._read_wanted_or_nothing()
            wanted = Wanted(now.generation + 1, now.ingress_port)
            self._write_wanted(wanted)
        self._settle(wanted)
        if volumes:
            shutil.rmtree(self._folder.root)
        return tuple(service.key for service in now.services)

    def _write_wanted(self, wanted: Wanted) -> None:
        # What is no longer wanted is taken away first, what is wanted is there before a unit reads it.
        files.write(self._folder.root, [service.plan for service in wanted.services], contained=False)
        self._folder.write_wanted(wanted)

    def _read_wanted_or_nothing(self) -> Wanted:
        """Nothing where another version wrote it: a stack can be stopped after an update of isvc."""
        try:
            return self._folder.read_wanted()
        except StackError:
            return Wanted()

    def _ingress_port(self, asked: int | None, before: Wanted) -> int:
        running = before.ingress_port if before.services and self._folder.claimed() else None
        if running is not None and asked in (None, 0, running):
            return running
        if asked == 0:
            return ports.choose(())
        usual = before.ingress_port if before.services else DEFAULT_INGRESS_PORT
        port = usual if asked is None else asked
        if not ports.is_free(port):
            raise PortTaken(port, ports.holder(port) or "another program")
        return port

    # The supervisor

    def _wake_or_start(self, generation: int) -> None:
        if not self._wake():
            self._start()
        self._wait(lambda: self._acted_on(generation), "the supervisor", _SUPERVISOR_START)

    def _wake(self) -> bool:
        """Whether there is a supervisor that will look at what is wanted."""
        if not self._folder.claimed():
            return False
        supervisor, *_ = self._folder.read_process_ids() or (None,)
        if supervisor is not None and survivors.alive(supervisor):
            os.kill(supervisor.pid, signal.SIGHUP)
        return True

    def _start(self) -> None:
        log = self._folder.supervisor_log
        mode = "ab" if log.exists() and log.stat().st_size < _LONGEST_SUPERVISOR_LOG else "wb"
        with log.open(mode) as output:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "isvc.backends.process", str(self._folder.root)],
                cwd=self._folder.root,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _acted_on(self, generation: int) -> bool:
        if self._supervisor is not None and self._supervisor.poll() not in (None, 0):
            lines = self._folder.supervisor_log.read_text().splitlines()[-20:]
            raise UnitFailed("supervisor", f"ended with code {self._supervisor.returncode} as it started", lines)
        report = self._folder.read_report()
        return report is not None and report.status.generation >= generation and self._folder.claimed()

    def _settle(self, wanted: Wanted) -> None:
        """Wait until nothing runs that is not in `wanted`."""
        known = self._folder.read_process_ids()
        woken = self._wake()
        if wanted.services:
            if not woken:
                self._start()
            self._wait(lambda: self._agrees(wanted), "the end of what is not wanted any more", _STOP)
            return
        if woken:
            self._wait_for_supervisor(known[0] if known else None)
        # What was there before, and, where the supervisor did not end by itself, what it started since.
        survivors.end({*known, *self._folder.read_process_ids()}, str(self._folder.root))
        self._folder.remove_report()
        if self._supervisor is not None:
            self._supervisor.wait(_STOP)  # one that had not come to take its lock yet finds nothing wanted, and ends

    def _agrees(self, wanted: Wanted) -> bool:
        """Whether only what is wanted has children; they may still be starting."""
        report = self._folder.read_report()
        if report is None or report.status.generation < wanted.generation:
            return False
        keys = {unit_key(service.key, unit.name) for service in wanted.services for unit in service.plan.units}
        stopping = any(u.phase is Phase.STOPPING for service in report.status.services for u in service.units)
        return not stopping and all(key in keys or key == ingress.KEY for key, _ in report.children)

    def _wait_for_supervisor(self, recorded: ProcessId | None) -> None:
        try:
            self._wait(lambda: not self._lives(recorded), "the end of the stack", _STOP)
        except WaitTimeout:
            if recorded is None:
                raise
            survivors.end([recorded], str(self._folder.root))

    def _lives(self, recorded: ProcessId | None) -> bool:
        if self._supervisor is not None:
            self._supervisor.poll()  # its parent has to reap it before it is gone
        return self._folder.claimed() or (recorded is not None and survivors.alive(recorded) is not None)

    def _wait(self, holds: Callable[[], bool], what: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise WaitTimeout(what, seconds)
            time.sleep(_POLL)

    # Looking

    def status(self) -> StackStatus:
        stamp = self._folder.report_stamp()
        if self._read is None or stamp != self._read[0]:
            # `up` asks many times a second, and decoding is what costs.
            self._read = (stamp, self._folder.read_report())
        report = self._read[1]
        if report is not None and self._folder.claimed():
            return report.status
        wanted = self._folder.read_wanted()
        services = tuple(_not_running(service) for service in wanted.services)
        return StackStatus(self._folder.project, self.name, running=False, services=services)

    def logs(self, units: Sequence[str] | None, tail: int | None, follow: bool) -> Iterator[LogLine]:
        keys = self._wanted_keys() or self._journal_keys()
        files = {
            label(key): self._folder.journals / journal.file_name(key) for key in keys if units is None or key in units
        }
        return journal.follow(files, tail) if follow else iter(journal.read(files, tail))

    def _wanted_keys(self) -> list[str]:
        services = self._folder.read_wanted().services
        keys = [unit_key(service.key, unit.name) for service in services for unit in service.plan.units]
        return [*keys, ingress.KEY] if keys else []

    def _journal_keys(self) -> list[str]:
        """Of what ran, once nothing is wanted any more: why an `up` failed can be read afterwards."""
        folder = self._folder.journals
        return [journal.key(file.name) for file in sorted(folder.glob("*.log"))] if folder.exists() else []

    def scratch(self, service: ServicePlan) -> str:
        folder = service_folder(self._folder.root, service.namespace, service.name)
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)


def wanted_service(plan: ServicePlan, before: Wanted) -> WantedService:
    """`plan` as it is wanted from now on, as old as the service of that name is already."""
    known = {service.key: service.created for service in before.services}
    folders = {unit.name: unit.folder for unit in plan.units if unit.folder is not None}
    stamps = tuple((name, sources.digest(Path(folder))) for name, folder in folders.items())
    fresh = WantedService(plan, time.time(), stamps)
    return dataclasses.replace(fresh, created=known.get(fresh.key, fresh.created))


def merge(before: Wanted, services: Iterable[WantedService], ingress_port: int) -> Wanted:
    merged = {service.key: service for service in (*before.services, *services)}
    return Wanted(before.generation + 1, ingress_port, tuple(merged.values()))


def put_back(now: Wanted, before: Wanted, keys: Iterable[str]) -> Wanted:
    """`now` with the services `keys` as they were `before`; those that were not there are gone."""
    old = {service.key: service for service in before.services}
    merged = {service.key: service for service in now.services}
    for key in keys:
        merged.pop(key, None)
        if key in old:
            merged[key] = old[key]
    port = before.ingress_port if before.services else now.ingress_port
    return Wanted(now.generation + 1, port, tuple(merged.values()))


def changes(before: Wanted, services: Iterable[WantedService]) -> tuple[tuple[str, Change], ...]:
    old = {service.key: service for service in before.services}
    return tuple((service.key, _change(old.get(service.key), service)) for service in services)


def _change(old: WantedService | None, new: WantedService) -> Change:
    if old is None:
        return Change.CREATED
    return Change.UNCHANGED if _essence(old) == _essence(new) else Change.CONFIGURED


def _essence(service: WantedService) -> WantedService:
    """What makes a difference to what runs."""
    return dataclasses.replace(service, plan=dataclasses.replace(service.plan, notices=(), warmup=None), created=0.0)


def _not_running(service: WantedService) -> ServiceStatus:
    units = tuple(UnitStatus(unit.name, Phase.WAITING) for unit in service.plan.units)
    return ServiceStatus(service.plan, service.created, RouteState.ABSENT, units)
