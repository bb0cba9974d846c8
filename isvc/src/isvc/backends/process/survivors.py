"""Processes of a stack whose supervisor is gone: found by what was recorded of them, and ended.

A PID alone proves nothing: a recorded process counts only with the creation time recorded, and a member of its group
only with this project's mark in its environment.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

import psutil

from isvc.backends.process.child import MARK
from isvc.backends.records import ProcessId
from isvc.errors import WaitTimeout

_CLOCK_STEP = 1.0
"""Seconds by which two readings of one process' creation time may differ: it is computed from the time of boot."""
_GRACE = 5.0
_KILL_WAIT = 5.0


def alive(recorded: ProcessId) -> psutil.Process | None:
    """The recorded process, if it lives and is not a zombie."""
    try:
        process = psutil.Process(recorded.pid)
        same = abs(process.create_time() - recorded.created) < _CLOCK_STEP
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def find(recorded: Iterable[ProcessId], mark: str) -> list[psutil.Process]:
    """Those of `recorded` that live, and the living members of their groups."""
    recorded = list(recorded)
    leaders = [process for process in map(alive, recorded) if process is not None]
    groups = {process_id.pid for process_id in recorded}
    known = {process.pid for process in leaders}
    members = [p for p in psutil.process_iter() if p.pid not in known and _group(p) in groups and _mark(p) == mark]
    return [*leaders, *members]


def end(recorded: Iterable[ProcessId], mark: str, grace: float = _GRACE) -> int:
    """End what `find` finds, and wait until it is gone. How many there were. Raises WaitTimeout."""
    found = find(recorded, mark)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(found, timeout=grace)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _, left = psutil.wait_procs(left, timeout=_KILL_WAIT)
    if left:
        raise WaitTimeout(f"the end of the processes {', '.join(str(p.pid) for p in left)}", grace + _KILL_WAIT)
    return len(found)


def _group(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid)
    except (ProcessLookupError, PermissionError):
        return None


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except psutil.Error:
        return None
