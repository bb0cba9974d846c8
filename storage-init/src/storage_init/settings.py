"""What bounds a run: times, retries, how much at once, and how much an archive may hold. Built once, in `main`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from storage_init.errors import SettingInvalid

Number = TypeVar("Number", int, float)
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may unpack to. Counted while it unpacks; what its headers say is not believed."""

    total_bytes: int = 100 * GIB
    entries: int = 100_000
    ratio: int = 200
    """Unpacked bytes for each byte of the archive..."""
    ratio_from: int = GIB
    """... looked at from here on: a small model of zeros is no bomb."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Times are in seconds."""

    timeout: float = 3600.0
    """For the whole run, waiting for another initializer included."""
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    """For the next bytes of a transfer."""
    stall_timeout: float = 60.0
    """A transfer that brings less than `stall_bytes` in this time has stalled."""
    stall_bytes: int = 64 * 1024
    backoff: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    """The waits between attempts; there is one attempt more than waits."""
    max_redirects: int = 10
    files_at_once: int = 32
    parts_at_once: int = 8
    part_bytes: int = 8 << 20
    """A larger object is fetched in parts of this size, several at a time, and a later run goes on from them."""
    cache: Path | None = None
    """The folder in which fetched objects are kept for other destinations; None for no such folder."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Where credentials, endpoints and patterns are read from, by KServe's names."""
    limits: Limits = field(default_factory=Limits)


def waits(count: int) -> tuple[float, ...]:
    """Seconds before each of `count` further attempts."""
    return tuple(min(0.5 * 2**attempt, 30.0) for attempt in range(count))


def number(environment: Mapping[str, str], name: str, otherwise: Number) -> Number:
    """The variable called `name`, a whole number above 0; raises SettingInvalid."""
    text = environment.get(name, "").strip()
    if not text:
        return otherwise
    if not text.isdecimal() or int(text) == 0:
        raise SettingInvalid(f"{name} is '{text}'; write a whole number above 0.")
    return type(otherwise)(text)
