"""One unit that was started: its child process now, its journal, and what became of it so far.

It carries out what is asked of it and notices what happens to it; whether and when to ask is for `reconcile` to say.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable

from isvc.backends.process import reconcile
from isvc.backends.process.binding import Process
from isvc.backends.process.child import Child
from isvc.backends.process.journal import Journal, JournalFile
from isvc.backends.process.probes import until_ready
from isvc.backends.process.reconcile import Running
from isvc.backends.process.revisions import revision_name
from isvc.backends.records import ProcessId
from isvc.backends.stack import Phase, UnitStatus

logger = logging.getLogger(__name__)

_CANNOT_START = 127
"""The exit code a shell gives for a program that is not there."""


class StartedUnit:
    def __init__(self, process: Process, file: JournalFile, mark: str, changed: Callable[[], None]) -> None:
        """`process` is not started yet; `mark` is for its environment; `changed` is called when it becomes ready."""
        self.process = process
        self.running = Running(process.fingerprint, Phase.STARTING, time.monotonic())
        self._journal = Journal(file)
        self._environment_mark = mark
        self._changed = changed
        self._child: Child | None = None
        self._probing: asyncio.Task[None] | None = None
        self._starts = 0
        self._exit_code: int | None = None

    @property
    def child(self) -> ProcessId | None:
        """None while it has no living process."""
        return self._child.id if self._child else None

    @property
    def port_was_taken(self) -> bool:
        """Whether it failed because of that. Every runtime says it in the system's words for EADDRINUSE."""
        lines = self._journal.last_lines
        return self.running.phase is Phase.FAILED and any("address already in use" in line.lower() for line in lines)

    def status(self, name: str) -> UnitStatus:
        return UnitStatus(
            name=name,
            revision=revision_name(self.process.key),
            phase=self.running.phase,
            pid=self._child.id.pid if self._child else None,
            addresses=self.process.addresses,
            restarts=self._starts - 1,
            exit_code=self._exit_code,
            was_ready=self.running.was_ready,
            last_lines=self._journal.last_lines if self.running.phase is Phase.FAILED else (),
        )

    # What is asked of it

    def start(self) -> None:
        self._starts += 1
        self._journal.begin()
        self._note(phase=Phase.STARTING, started=time.monotonic(), ended=None)
        try:
            self._child = Child(self.process, self._environment_mark)
        except OSError as exc:
            self._journal.feed(f"cannot be started: {exc}\n".encode())
            self._settle(_CANNOT_START)
            return
        logger.info("%s started (PID %s)", self.process.key, self._child.id.pid)
        asyncio.get_running_loop().add_reader(self._child.output, self._read, self._child)
        self._probing = asyncio.create_task(self._probe())

    def ask_to_end(self) -> None:
        logger.info("%s asked to end", self.process.key)
        self._note(phase=Phase.STOPPING, stop_asked=time.monotonic())
        self._stop_probing()
        if self._child is not None:
            self._child.ask_to_end()

    def kill(self) -> None:
        logger.warning("%s did not end in time, killed", self.process.key)
        self._note(killed=True)
        if self._child is not None:
            self._child.kill()

    # What happens to it

    def notice_end(self) -> bool:
        """Whether its process has ended since this was asked last."""
        if self._child is None or (code := self._child.exit_code()) is None:
            return False
        while self._read(self._child):
            pass
        asyncio.get_running_loop().remove_reader(self._child.output)
        self._child.close()
        self._child = None
        self._settle(code)
        return True

    def _settle(self, code: int) -> None:
        now = time.monotonic()
        self._stop_probing()
        self._journal.finish()
        self._exit_code = code
        logger.info("%s ended (%s)", self.process.key, code)
        if self.running.phase is Phase.STOPPING:
            self._note(ended=now)
        elif self.process.check is None and code == 0:
            self._note(phase=Phase.COMPLETED, ended=now)
        else:
            self._note(phase=Phase.FAILED, ended=now, failures=reconcile.failures_after_end(self.running, now))

    async def _probe(self) -> None:
        if self.process.check is None:
            return  # a program that ends is never ready
        await until_ready(self.process.check)
        logger.info("%s ready", self.process.key)
        self._note(phase=Phase.READY, was_ready=True)
        self._changed()

    def _stop_probing(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            self._probing = None

    def _read(self, child: Child) -> bool:
        """Whether there was something to read, so that there may be more."""
        data = child.read()
        if data == b"":
            asyncio.get_running_loop().remove_reader(child.output)
        self._journal.feed(data or b"")
        return bool(data)

    def _note(self, **changes: object) -> None:
        self.running = dataclasses.replace(self.running, **changes)  # type: ignore[arg-type]  # names of its fields
