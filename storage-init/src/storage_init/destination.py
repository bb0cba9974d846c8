"""Where a model goes, and what can be said about that place at every moment, SIGKILL included.

Contents are gathered in a staging folder on the destination's own filesystem and moved in by rename(2). How, depends:

`Beside`, the rule. The staging folder stands beside the destination, `.<name>.partial-<random>`, and the whole folder
is moved in by one rename. What stands at the destination is complete or absent. When an older version is replaced it is
moved away first: between the two renames the destination is absent.

`Within`, for a mount point (a container's volume at /mnt/models), which cannot be renamed over, and for a folder whose
parent cannot be written. The staging folder stands in the destination, `.storage-init.partial-<random>`. Each entry at
the top is moved in by one rename of its own, and so is complete or absent; their set is complete exactly when the
record in the folder says so. Before the first entry moves, the record says `complete: false` and names them all, so
that the next run knows which are its own. A reader waits for the initializer's exit with 0, as KServe's pods and
Compose's `service_completed_successfully` do, or looks at the record.

A folder with a second model in a subfolder of it is also filled entry by entry, so that the second one stays.

In both: a run that fails or is killed before its contents are whole leaves the older version as it was, and the next
run removes what a killed one left. Objects that it had fetched are kept for the next run: in the cache of this machine,
or in `.<name>.resume` (`.storage-init.resume`), which goes when the model is complete. This holds for the end of a
process, not for the loss of power. Nothing at the top of the destination that this program did not put there is ever
removed: the run is refused instead.
"""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from storage_init import record
from storage_init.errors import DestinationRefused
from storage_init.record import RECORD, Record

_WITHIN = ".storage-init"
_FOUND_ON_VOLUMES = "lost+found"


class Destination(Protocol):
    """A folder to be filled, while its `lock` is held. `folder` itself may not exist yet."""

    @property
    def folder(self) -> Path: ...

    @property
    def lock(self) -> Path: ...

    @property
    def resume(self) -> Path:
        """The folder for what a run fetched before it ended, where this machine has no cache for it."""
        ...

    def stage(self) -> Path:
        """A new, empty folder on the destination's filesystem, after whatever a killed run left there is removed."""
        ...

    def publish(self, contents: Path, staging: Path, made: Record) -> None:
        """Move what is in `contents`, a folder of `staging`, in, in place of what is there."""
        ...


def choose(path: Path) -> Destination:
    """The way in which the folder at `path` can be filled; its parents are made."""
    folder = real(path)
    if folder.exists() and not folder.is_dir():
        raise DestinationRefused(f"'{path}' is not a folder; a destination is the folder that the model is put into.")
    if folder == folder.parent:
        raise DestinationRefused("The destination is the root of the filesystem; name a folder for the model.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists() and (_mounted(folder) or not os.access(folder.parent, os.W_OK | os.X_OK)):
        return Within(folder)
    return Beside(folder)


@dataclass(frozen=True)
class Beside:
    folder: Path

    @property
    def lock(self) -> Path:
        return self.folder.with_name(f".{self.folder.name}.lock")

    @property
    def resume(self) -> Path:
        return self.folder.with_name(f".{self.folder.name}.resume")

    def stage(self) -> Path:
        return _stage(self.folder.parent, f".{self.folder.name}")

    def publish(self, contents: Path, staging: Path, made: Record) -> None:
        if _others(self.folder):
            _move_entries(self.folder, contents, staging, made)
            return
        record.write(contents, made)
        contents.chmod(0o755)
        replaced = staging / "replaced"
        if self.folder.exists():
            self.folder.rename(replaced)
        try:
            contents.rename(self.folder)
        except OSError:
            if replaced.exists():
                replaced.rename(self.folder)
            raise


@dataclass(frozen=True)
class Within:
    folder: Path

    @property
    def lock(self) -> Path:
        return self.folder / f"{_WITHIN}.lock"

    @property
    def resume(self) -> Path:
        return self.folder / f"{_WITHIN}.resume"

    def stage(self) -> Path:
        return _stage(self.folder, _WITHIN)

    def publish(self, contents: Path, staging: Path, made: Record) -> None:
        _move_entries(self.folder, contents, staging, made)


def refuse_foreign(folder: Path) -> None:
    """Raise DestinationRefused if `folder` holds anything that this program did not put there."""
    foreign = [entry.name for entry in _others(folder) if not _own(entry)]
    if foreign:
        raise DestinationRefused(
            f"'{folder}' holds files that storage-init did not put there ({', '.join(foreign[:3])}"
            f"{', ...' if len(foreign) > 3 else ''}); empty it, or name another folder."
        )


def refuse_overlap(source: Path, folder: Path) -> None:
    """Raise DestinationRefused where filling `folder` would change `source`, or copy it into itself."""
    here = real(source)
    if here.is_relative_to(folder) or folder.is_relative_to(here):
        raise DestinationRefused(
            f"The source '{source}' and the destination '{folder}' lie one in the other; name a folder elsewhere."
        )


def real(path: Path) -> Path:
    """`path`, absolute, links followed; unlike `Path.resolve`, it takes a circle of links as it is."""
    return Path(os.path.realpath(path))


def _move_entries(folder: Path, contents: Path, staging: Path, made: Record) -> None:
    """Replace our entries in `folder` by those of `contents`, one by one, with the record telling of it."""
    standing = record.read(folder)
    replaced = standing.entries if standing else ()
    taken = [name for name in made.entries if name not in replaced and os.path.lexists(folder / name)]
    if taken:
        raise DestinationRefused(
            f"The model has '{taken[0]}', and another model stands at '{folder / taken[0]}'; give one another folder."
        )
    every = tuple(dict.fromkeys((*replaced, *made.entries)))
    record.write(folder, replace(made, entries=every, complete=False))
    (staging / "replaced").mkdir()
    for name in replaced:
        if os.path.lexists(folder / name):
            (folder / name).rename(staging / "replaced" / name)
    for name in made.entries:
        (contents / name).rename(folder / name)
    record.write(folder, made)


def _others(folder: Path) -> list[Path]:
    """What stands in `folder` and is not of the model that the record there tells of."""
    standing = record.read(folder)
    ours = set(standing.entries if standing else ())
    entries = sorted(folder.iterdir()) if folder.exists() else []
    return [entry for entry in entries if entry.name not in ours and not entry.name.startswith(RECORD)]


def _own(entry: Path) -> bool:
    """True for this program's own files, for a model it put into a subfolder, and for what filesystems make."""
    if entry.name.startswith(f"{_WITHIN}.") or entry.name == _FOUND_ON_VOLUMES:
        return True
    if entry.name.startswith("."):
        return ".partial-" in entry.name or entry.name.endswith((".lock", ".resume"))
    return record.read(entry) is not None


def _stage(parent: Path, prefix: str) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f"{glob.escape(prefix)}.partial-*"):
        shutil.rmtree(left)
    return Path(tempfile.mkdtemp(prefix=f"{prefix}.partial-", dir=parent))


def _mounted(folder: Path) -> bool:
    """True for a mount point, a bind mount of the same filesystem included, which `os.path.ismount` does not see."""
    if os.path.ismount(folder):
        return True
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # not Linux; no bind mounts either
        return False
    # The fifth field is the mount point, with space, tab, newline and backslash written in octal: proc(5).
    text = str(folder).replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011").replace("\n", "\\012")
    return any(line.split(" ")[4] == text for line in mounts.splitlines())
