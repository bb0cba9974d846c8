"""The files of one project, under `.isvc/<project>/`.

    wanted.json       what should run; written by `isvc`, under wanted.lock
    state.json        what the supervisor reports; written by it alone
    supervisor.lock   held by the supervisor for as long as it lives
    supervisor.log    what it says itself
    logs/             a journal per unit
    ingress/          Traefik's dynamic configuration, a file per service with a route
    <namespace>/<service>/   the folders that units share, as old as what fills them: revisions/5d41402a/models/

Readers never see half a file: each is written beside its place and renamed.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from isvc.backends import files, records
from isvc.backends.records import ProcessId, Report, Wanted
from isvc.errors import StackError, WaitTimeout

Stamp = tuple[int, int]
"""Tells a file from the one that was renamed into its place later."""
LOCK_WAIT = 10.0
"""Seconds; a change of what is wanted takes milliseconds."""


@dataclass(frozen=True, slots=True)
class ProjectFolder:
    root: Path

    @property
    def project(self) -> str:
        return self.root.name

    @property
    def journals(self) -> Path:
        return self.root / "logs"

    @property
    def routes(self) -> Path:
        return self.root / "ingress"

    @property
    def supervisor_log(self) -> Path:
        return self.root / "supervisor.log"

    def make(self) -> None:
        # The journals and the environment of the units are nobody else's business.
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.journals, self.routes):
            folder.mkdir(exist_ok=True)

    def read_wanted(self) -> Wanted:
        text = _read(self.root / "wanted.json")
        if text is None:
            return Wanted()
        try:
            return records.load(text, Wanted)
        except ValueError as exc:
            file = self.root / "wanted.json"
            raise StackError(f"{file} is not of this version of isvc ({exc}); remove its folder to start anew") from exc

    def write_wanted(self, wanted: Wanted) -> None:
        """With the files of its ConfigMaps and Secrets, which are there before a unit reads them."""
        contained = wanted.backend == "compose"
        files.write(self.root, [service.plan for service in wanted.services], contained=contained)
        write_atomically(self.root / "wanted.json", records.dump(wanted))

    def read_report(self) -> Report | None:
        """None where no supervisor has reported, or one of another version has."""
        text = _read(self.root / "state.json")
        if text is None:
            return None
        try:
            return records.load(text, Report)
        except ValueError:
            return None

    def report_stamp(self) -> Stamp | None:
        """Differs after each change of the report."""
        return _stamp(self.root / "state.json")

    def wanted_stamp(self) -> Stamp | None:
        """Differs after each change of what is wanted."""
        return _stamp(self.root / "wanted.json")

    def read_process_ids(self) -> tuple[ProcessId, ...]:
        """The processes that a supervisor of any version has reported, itself first."""
        return records.process_ids(_read(self.root / "state.json") or "")

    def write_report(self, report: Report) -> None:
        write_atomically(self.root / "state.json", records.dump(report))

    def remove_report(self) -> None:
        (self.root / "state.json").unlink(missing_ok=True)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Alone with wanted.json: reading, changing and writing it is one step."""
        self.make()
        with (self.root / "wanted.lock").open("w") as file:
            _lock_within(file, LOCK_WAIT)
            yield

    def change(self, step: Callable[[Wanted], Wanted]) -> tuple[Wanted, Wanted]:
        """Have `step` change what is wanted. What was wanted before, and what is now."""
        with self.changing():
            before = self.read_wanted()
            after = step(before)
            self.write_wanted(after)
        return before, after

    def claim(self) -> IO[str] | None:
        """The supervisor's lock, held until the file is closed or its process ends; None where another holds it."""
        file = (self.root / "supervisor.lock").open("w")
        if _try_lock(file):
            return file
        file.close()
        return None

    def claimed(self) -> bool:
        """Whether a supervisor lives."""
        if not (self.root / "supervisor.lock").exists():
            return False
        file = self.claim()
        if file is None:
            return True
        file.close()
        return False


def service_folder(root: Path, namespace: str, name: str) -> Path:
    """Of one service, below the folder of its project."""
    return root / namespace / name


def remove_others(place: Path, used: Iterable[str]) -> None:
    """Remove from the service's folder `place` the folders of every revision but those `used`, `revisions/…` each."""
    kept = {Path(each).parts[1] for each in used if each.startswith("revisions/")}
    for revision in (place / "revisions").glob("*"):
        if revision.name not in kept:
            shutil.rmtree(revision, ignore_errors=True)


def write_atomically(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text)
    beside.replace(path)


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _lock_within(file: IO[str], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not _try_lock(file):
        if time.monotonic() > deadline:
            raise WaitTimeout(f"another isvc command to let go of {file.name}", seconds)
        time.sleep(0.01)


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
