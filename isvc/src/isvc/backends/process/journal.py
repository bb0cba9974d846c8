"""A unit's log: its lines as it wrote them, each headed by the time at which it arrived.

    2026-03-01T09:30:00.123456Z INFO: Application startup complete.

Bounded: when a journal reaches its limit it becomes `<name>.log.1`, in place of the one before, and a new one begins.
"""

from __future__ import annotations

import heapq
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from isvc.backends.stack import Gone, LogLine, never

LIMIT = 8 * 1024 * 1024
"""Bytes."""
_LONGEST_LINE = 64 * 1024
_KEPT_LINES = 20
_FOLLOW_PAUSE = 0.1


class JournalFile:
    """The log of one unit, for all of its revisions."""

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self._path = path
        self._limit = limit
        self._file = path.open("ab", buffering=0)
        self._size = path.stat().st_size

    def write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ ").encode()
        data = b"".join(stamp + line.rstrip(b"\r") + b"\n" for line in lines)
        if self._size + len(data) > self._limit:
            self._rotate()
        self._file.write(data)
        self._size += len(data)

    def close(self) -> None:
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        self._path.replace(rotated(self._path))
        self._file = self._path.open("ab", buffering=0)
        self._size = 0


class Journal:
    """The writing end for one revision. Takes bytes as they come out of a pipe, writes whole lines."""

    def __init__(self, file: JournalFile) -> None:
        self._file = file
        self._rest = b""
        self._last: deque[str] = deque(maxlen=_KEPT_LINES)

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last lines of the process that writes now."""
        return tuple(self._last)

    def begin(self) -> None:
        """Another process writes from here."""
        self._last.clear()

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        self._write(lines)

    def finish(self) -> None:
        """The process has ended: what it left without a line end is a line."""
        if self._rest:
            self._write([self._rest])
            self._rest = b""

    def _write(self, lines: list[bytes]) -> None:
        self._file.write(lines)
        self._last.extend(line.decode(errors="replace").rstrip() for line in lines[-_KEPT_LINES:])


def file_name(key: str) -> str:
    """Of the journal of the unit `key`. No Kubernetes name of a namespace, a service or a container holds a dot."""
    return f"{key.replace('/', '.')}.log"


def key(name: str) -> str:
    """Of the unit whose journal is the file called `name`."""
    return name.removesuffix(".log").replace(".", "/")


def rotated(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")


def read(journals: Mapping[str, Path], tail: int | None = None) -> list[LogLine]:
    """The lines of all `journals` (label -> file) in order of time; of each, the last `tail`."""
    return list(heapq.merge(*(_tail(label, path, tail) for label, path in journals.items()), key=_time))


def follow(journals: Mapping[str, Path], tail: int | None = None, gone: Gone = never) -> Iterator[LogLine]:
    """As `read`, and then what is added, for as long as the caller goes on asking and is not `gone`."""
    offsets = {path: _Position.at_end(path) for path in journals.values()}
    yield from read(journals, tail)
    while not gone():
        new = [line for label, path in journals.items() for line in offsets[path].advance(label, path)]
        yield from sorted(new, key=_time)
        time.sleep(_FOLLOW_PAUSE)


class _Position:
    """How far one file was read, across its rotation."""

    def __init__(self, inode: int, offset: int) -> None:
        self._inode = inode
        self._offset = offset

    @classmethod
    def at_end(cls, path: Path) -> _Position:
        found = _stat(path)
        return cls(found.st_ino, found.st_size) if found else cls(0, 0)

    def advance(self, label: str, path: Path) -> list[LogLine]:
        found = _stat(path)
        if found is None:
            return []
        if found.st_ino != self._inode:
            self._inode, self._offset = found.st_ino, 0
        with path.open("rb") as file:
            file.seek(self._offset)
            whole, _, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + 1 if whole else 0
        return _parse(label, whole.splitlines())


def _tail(label: str, path: Path, count: int | None) -> list[LogLine]:
    lines = deque[bytes](maxlen=count)
    for file in (rotated(path), path):
        if file.exists():
            lines.extend(file.read_bytes().splitlines())
    return _parse(label, lines)


def _parse(label: str, lines: Iterable[bytes]) -> list[LogLine]:
    parsed = []
    for line in lines:
        stamp, _, text = line.decode(errors="replace").partition(" ")
        try:
            when = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
        except ValueError:
            continue  # the first line of a file that was cut
        parsed.append(LogLine(when, label, text))
    return parsed


def _time(line: LogLine) -> float:
    return line.time


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
