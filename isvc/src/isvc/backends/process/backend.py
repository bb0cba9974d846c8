"""The process backend as `isvc` sees it: writes what is wanted, keeps a supervisor, reads its report."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from isvc.backends import ports
from isvc.backends.folder import ProjectFolder, Stamp, service_folder
from isvc.backends.process import ingress, journal, reconcile, survivors
from isvc.backends.process.binding import label, unit_key
from isvc.backends.process.revisions import instances
from isvc.backends.records import ProcessId, Report, Wanted, WantedService
from isvc.backends.stack import Applied, Gone, LogLine, Phase, RouteState, ServiceStatus, StackStatus, UnitStatus, never
from isvc.backends.wanted import changes, gone, merge, put_back, wanted_service, without
from isvc.errors import StackError, UnitFailed, WaitTimeout
from isvc.plan.units import Plan, ServicePlan

_SUPERVISOR_START = 20.0
_STOP = reconcile.GRACE + 10.0
_ROLL_BACK = 120.0
"""A revision that serves already goes on until the one before it is ready again."""
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
            running = bool(before.services) and self._folder.claimed()
            port = ports.of_ingress(ingress_port, before, running=running)
            services = [wanted_service(service, before) for service in plan.services]
            wanted = merge(before, services, port)
            self._folder.write_wanted(wanted)
        self._before[wanted.generation] = before
        applied = Applied(changes(before, services), wanted.generation, port)
        try:
            self._wake_or_start(wanted.generation)
        except BaseException:  # an interrupt too: the caller has nothing in hand yet to take it back with
            self.revert(applied)
            raise
        return applied

    def revert(self, applied: Applied) -> None:
        before, keys = self._before[applied.generation], {key for key, _ in applied.changes}
        _, wanted = self._folder.change(lambda now: put_back(now, before, keys))
        self._settle(wanted, keys)

    def remove(self, keys: Iterable[str]) -> tuple[str, ...]:
        unwanted = set(keys)
        before, wanted = self._folder.change(lambda now: without(now, unwanted))
        self._settle(wanted, unwanted)
        return gone(before, wanted)

    def down(self, *, volumes: bool) -> tuple[str, ...]:
        if not self._folder.root.exists():
            return ()
        with self._folder.changing():
            now = self._read_wanted_or_nothing()
            wanted = Wanted(now.generation + 1, now.ingress_port)
            self._folder.write_wanted(wanted)
        self._settle(wanted, ())
        if volumes:
            shutil.rmtree(self._folder.root)
        return tuple(service.key for service in now.services)

    def _read_wanted_or_nothing(self) -> Wanted:
        """Nothing where another version wrote it: a stack can be stopped after an update of isvc."""
        try:
            return self._folder.read_wanted()
        except StackError:
            return Wanted()

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

    def _settle(self, wanted: Wanted, keys: Collection[str]) -> None:
        """Wait until of the services `keys` nothing runs that is not in `wanted`; with nothing wanted, of any."""
        known = self._folder.read_process_ids()
        woken = self._wake()
        if wanted.services:
            if not woken:
                self._start()
            self._wait(lambda: self._agrees(wanted, keys), "the end of what is not wanted any more", _ROLL_BACK)
            return
        if woken:
            self._wait_for_supervisor(known[0] if known else None)
        # What was there before, and, where the supervisor did not end by itself, what it started since.
        survivors.end({*known, *self._folder.read_process_ids()}, str(self._folder.root))
        self._folder.remove_report()
        if self._supervisor is not None:
            self._supervisor.wait(_STOP)  # one that had not come to take its lock yet finds nothing wanted, and ends

    def _agrees(self, wanted: Wanted, keys: Collection[str]) -> bool:
        """Whether, of the services `keys`, only what is wanted has children; they may still be starting."""
        report = self._folder.read_report()
        if report is None or report.status.generation < wanted.generation:
            return False
        kept = {instance for service in wanted.services for instance in instances(service).values()}
        units = [unit for service in report.status.services if service.key in keys for unit in service.units]
        stopping = any(unit.phase is Phase.STOPPING for unit in units)
        return not stopping and all(key in kept for key, _ in report.children if key.rpartition("/")[0] in keys)

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

    def logs(
        self, units: Sequence[str] | None, tail: int | None, follow: bool, gone: Gone = never
    ) -> Iterator[LogLine]:
        keys = self._wanted_keys() or self._journal_keys()
        files = {
            label(key): self._folder.journals / journal.file_name(key) for key in keys if units is None or key in units
        }
        return journal.follow(files, tail, gone) if follow else iter(journal.read(files, tail))

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


def _not_running(service: WantedService) -> ServiceStatus:
    units = tuple(UnitStatus(unit.name, Phase.WAITING) for unit in service.plan.units)
    return ServiceStatus(service.plan, service.created, RouteState.ABSENT, units)
