"""Where the command's words go: answers to standard output, complaints to standard error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Console:
    out: TextIO
    err: TextIO

    def say(self, text: str = "") -> None:
        self.out.write(f"{text}\n")
        self.out.flush()

    def complain(self, text: str) -> None:
        self.err.write(f"isvc: {text}\n")
        self.err.flush()
