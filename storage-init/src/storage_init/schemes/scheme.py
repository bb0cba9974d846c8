"""What a kind of address has to be able to do."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from storage_init.address import Address
from storage_init.errors import FetchFailed
from storage_init.meter import Meter, size
from storage_init.objects.depot import Depot


@dataclass(frozen=True, slots=True)
class Fetched:
    """Everything is in the folder. `version` is the store's name for this state of it, empty if it has none."""

    version: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """What the store holds is what is here already; nothing was fetched."""


Outcome = Fetched | Unchanged


class Scheme(Protocol):
    async def fetch(self, address: Address, into: Path, known: str, meter: Meter, depot: Depot) -> Outcome:
        """Put what stands at `address` into the empty folder `into`, counting bytes on `meter`.

        The contents of a folder go directly into `into`; a single object becomes `into/<its name>`. `known` is the
        version that stands at the destination, empty if none does; if the store still has that one, nothing needs to
        be fetched. Objects that are in `depot` are not fetched again. Raises a StorageError that names the address;
        what is in `into` is then thrown away.
        """
        ...


def refuse_lack_of_room(address: Address, folder: Path, needed: int, called: str = "destination") -> None:
    """Raise FetchFailed where `needed` bytes will not fit, before the first one is fetched."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise FetchFailed(
            f"'{address.shown}' needs {size(needed)} and the filesystem of the {called} has {size(free)} left; "
            f"make room there."
        )
