"""One child process: started as the leader of a session of its own, ended together with whatever it started.

On Linux the kernel ends it when the supervisor dies in any way; elsewhere the next `up` or `down` finds it by what
state.json recorded (survivors.py).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import psutil

from isvc.backends.process.binding import Process
from isvc.backends.records import ProcessId

_PR_SET_PDEATHSIG = 1
_TELLS_BEFORE_REAPING = hasattr(os, "waitid")
"""Not on macOS before Python 3.13."""
_READ_SIZE = 64 * 1024

MARK = "ISVC_STACK"
"""Variable in the environment of every child: the folder of its project. By it a survivor is known for one of ours."""


class Child:
    def __init__(self, process: Process, mark: str) -> None:
        """Raises OSError where the program or its folder is not there."""
        self._output, output_end = os.pipe()
        os.set_blocking(self._output, False)
        try:
            self._popen = subprocess.Popen(
                process.argv,
                cwd=process.folder,
                env={**dict(process.environment), MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=output_end,
                stderr=output_end,
                start_new_session=True,
                preexec_fn=_end_with_parent(),
            )
        except BaseException:
            os.close(self._output)
            raise
        finally:
            os.close(output_end)
        self.id = _identify(self._popen.pid)

    @property
    def output(self) -> int:
        """File descriptor from which its standard output and error are read, without blocking."""
        return self._output

    def read(self) -> bytes | None:
        """What it has written since; None when there is nothing now, empty when there will never be more."""
        try:
            return os.read(self._output, _READ_SIZE)
        except BlockingIOError:
            return None

    def exit_code(self) -> int | None:
        """None while it lives. Once it has ended, what is left of its group is ended too."""
        if self._popen.returncode is not None:
            return self._popen.returncode
        if _has_ended(self._popen.pid):
            # Before it is reaped: until then no other process or group can have its number.
            self.kill()
        code = self._popen.poll()
        if code is not None and not _TELLS_BEFORE_REAPING:
            self.kill()
        return code

    def ask_to_end(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        os.close(self._output)

    def _signal(self, number: signal.Signals) -> None:
        # EPERM is what macOS says of a group of which only a zombie is left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, number)


def _identify(pid: int) -> ProcessId:
    try:
        return ProcessId(pid, psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return ProcessId(pid, 0.0)


def _has_ended(pid: int) -> bool:
    """Whether the child has ended, leaving it unreaped. False also where the system cannot tell without reaping."""
    if not _TELLS_BEFORE_REAPING:
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


def _end_with_parent() -> Callable[[], None] | None:
    """What the child does between fork and exec so that it ends with this process; None where there is no such call."""
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def end_with_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died between the fork and the call
            os._exit(1)

    return end_with_parent
