"""What an archive may do while it is unpacked. Both readers, tar and zip, write through an Extraction and nowhere else.

Invariants, so that nothing lands outside the folder whatever the archive says:
- a name is relative, has no `..`, and names each file once;
- no link exists while files are written, so nothing can be written through one; links are made at the end, and each
  has to lead to something inside the folder;
- only files, folders and symbolic links are made: no hard links, devices or pipes;
- bytes and entries are counted as they come, against `Limits`.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import IO

from storage_init.errors import ArchiveRefused
from storage_init.meter import Meter, size
from storage_init.record import RECORD
from storage_init.settings import Limits

CHUNK = 1 << 20
_LONGEST_TARGET = 4096
_DEEPEST = 100
_MEND = "It is not unpacked; get the model from a source you trust, or pack it again."


class Extraction:
    """The folder `root`, new and empty, being filled from one archive of `packed` bytes called `archive`."""

    def __init__(self, archive: str, packed: int, root: Path, limits: Limits, meter: Meter) -> None:
        self._archive = archive
        self._packed = packed
        self.root = root.resolve()
        self.limits = limits
        self._meter = meter
        self._entries = 0
        self._bytes = 0
        self._links: dict[Path, str] = {}

    def folder(self, name: str) -> None:
        path = self._place(name)
        if path in self._links or (path.exists() and not path.is_dir()):
            raise self.refusal(f"names '{name}' twice")
        self._make(path, name)

    def file(self, name: str, source: IO[bytes], executable: bool = False) -> None:
        path = self._place(name)
        self._make(path.parent, name)
        if path in self._links:
            raise self.refusal(f"names '{name}' twice")
        try:
            with path.open("xb") as sink:
                while chunk := source.read(CHUNK):
                    self.count(len(chunk))
                    sink.write(chunk)
        except FileExistsError as exc:
            raise self.refusal(f"names '{name}' twice") from exc
        path.chmod(0o755 if executable else 0o644)

    def link(self, name: str, target: str) -> None:
        """A symbolic link, made in `finish`."""
        path = self._place(name)
        if path in self._links:
            raise self.refusal(f"names '{name}' twice")
        above = len(path.relative_to(self.root).parts) - 1
        if not _stays(target, above):
            raise self.refusal(f"has the link '{name}' -> '{target[:80]}', which leads out of it")
        self._links[path] = target

    def finish(self) -> None:
        """Make the links, now that nothing more is written, and see that each leads to something inside."""
        for path in self._links:
            self._make(path.parent, path.name)
            if path.exists() or not self._links.keys().isdisjoint(path.parents):
                raise self.refusal(f"has the link '{path.name}' where it has something else, or below another link")
        for path, target in self._links.items():
            path.symlink_to(target)
        for path, target in self._links.items():
            if not _leads(path, self.root):
                raise self.refusal(f"has the link '{path.name}' -> '{target}', which leads to nothing inside it")

    def count(self, count: int) -> None:
        """Count unpacked bytes; raise ArchiveRefused once they are more than the limits allow."""
        self._bytes += count
        self._meter.advance(count)
        self.check_size(self._bytes)

    def check_size(self, unpacked: int) -> None:
        limits = self.limits
        if unpacked > limits.total_bytes:
            raise self.refusal(
                f"unpacks to more than {size(limits.total_bytes)}",
                "Raise --max-unpacked-bytes if that is what the model needs.",
            )
        if unpacked > limits.ratio_from and unpacked > limits.ratio * self._packed:
            raise self.refusal(
                f"unpacks to more than {limits.ratio} times its size of {size(self._packed)}",
                "Raise --max-ratio if the model really is that repetitive.",
            )

    def refusal(self, what: str, mend: str = _MEND) -> ArchiveRefused:
        return ArchiveRefused(f"The archive '{self._archive}' {what}. {mend}")

    def _place(self, name: str) -> Path:
        """The path for the entry `name`, counted; raises ArchiveRefused for a name that could lead elsewhere."""
        self._entries += 1
        if self._entries > self.limits.entries:
            raise self.refusal(
                f"has more than {self.limits.entries} entries", "Raise --max-entries if the model needs them."
            )
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or "\\" in name:
            raise self.refusal(f"has the entry '{name}', which leads out of it")
        if len(parts) > _DEEPEST:
            raise self.refusal(f"has an entry {len(parts)} folders deep")
        if any(ord(character) < 32 for character in name) or (parts and parts[0].startswith(RECORD)):
            raise self.refusal(f"has an entry of the name {name!r}, which cannot be a model's")
        return self.root.joinpath(*parts)

    def _make(self, folder: Path, name: str) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        except (FileExistsError, NotADirectoryError) as exc:
            raise self.refusal(f"has '{name}' below something that is not a folder") from exc


def _stays(target: str, above: int) -> bool:
    """True for a relative target that goes up at most `above` folders, and only at its beginning.

    The folders above a link are real ones, so counting is exact; a `..` after a name could follow another link.
    """
    parts = PurePosixPath(target).parts
    ups = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    return (
        0 < len(target) <= _LONGEST_TARGET
        and "\0" not in target
        and not target.startswith("/")
        and ups <= above
        and ".." not in parts[ups:]
    )


def _leads(link: Path, root: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):  # to nothing, or in a circle
        return False
