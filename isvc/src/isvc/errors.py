"""Everything isvc can fail with. The message of each says the place and the mend, and is what the user sees.

IsvcError
├── InputError              what was given is wrong; nothing was started                          (exit code 2)
│   ├── ManifestError       an InferenceService YAML cannot be read
│   ├── SettingsError       isvc.yaml cannot be read
│   └── PlanError           a readable YAML asks for what KServe would refuse or nothing here can run
└── StackError              what was asked for is right, and running it failed                    (exit code 1)
    ├── UnitFailed          a unit ended, or never became what others wait for
    ├── PortTaken           the ingress' port belongs to another program
    ├── EnvironmentFailed   an environment that a real server needs cannot be made on this machine
    └── WaitTimeout         something did not become so in the time allowed
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the input: the file, the line (from 1; 0 where there is none) and the path inside the YAML."""

    file: str
    line: int = 0
    path: str = ""

    def __str__(self) -> str:
        position = f"{self.file}:{self.line}" if self.line else self.file
        return f"{position}: {self.path}" if self.path else position


class IsvcError(Exception):
    """Root of the tree."""


class InputError(IsvcError):
    """What was given is wrong. `place` is None only where no part of the input is to blame."""

    def __init__(self, message: str, place: Place | None = None) -> None:
        shown = f"{place}: {message}" if place else message
        # What is wrong may hold anything, and goes to a terminal.
        super().__init__("".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in shown))
        self.message = message
        self.place = place


class ManifestError(InputError):
    pass


class SettingsError(InputError):
    pass


class PlanError(InputError):
    pass


class StackError(IsvcError):
    """Running it failed."""


class UnitFailed(StackError):
    def __init__(self, unit: str, cause: str, last_lines: Sequence[str] = ()) -> None:
        lines = "".join(f"\n  {line}" for line in last_lines)
        super().__init__(f"{unit}: {cause}{lines}")
        self.unit = unit
        self.cause = cause
        self.last_lines = tuple(last_lines)


class PortTaken(StackError):
    def __init__(self, port: int, holder: str = "another program") -> None:
        super().__init__(
            f"port {port} is taken by {holder}; stop it, or take another with --ingress-port N (0: any free)"
        )
        self.port = port
        self.holder = holder


class EnvironmentFailed(StackError):
    """`reason` says why, without saying of what."""

    def __init__(self, title: str, reason: str) -> None:
        super().__init__(f"{title} cannot run here: {reason}")
        self.title = title
        self.reason = reason


class WaitTimeout(StackError):
    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"{what} took longer than {seconds:g} s; --timeout S allows more")
        self.what = what
        self.seconds = seconds
