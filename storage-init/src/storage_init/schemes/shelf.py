"""The way of every scheme whose addresses hold objects: list them, see what is wanted and new, fetch that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from storage_init.address import Address
from storage_init.errors import SourceNotFound
from storage_init.meter import Meter
from storage_init.objects import item as items
from storage_init.objects import patterns
from storage_init.objects.collection import Collection
from storage_init.objects.depot import Depot
from storage_init.objects.item import Item, Store
from storage_init.retry import persist
from storage_init.schemes.scheme import Fetched, Outcome, Unchanged, refuse_lack_of_room
from storage_init.settings import Settings


class Shelf(Store, Protocol):
    """A store, opened at one address."""

    async def items(self) -> Sequence[Item]:
        """What stands at the address, named below it; a single object under its own name."""
        ...


Connect = Callable[[Address, Settings], "OpenShelf"]


class OpenShelf(Shelf, Protocol):
    """A shelf that says how it is to be read: the environment may set what the command line does not."""

    @property
    def settings(self) -> Settings: ...


class Shelves:
    """`Scheme` for a kind of bucket: `connect` opens the one that an address names."""

    def __init__(self, connect: Connect, settings: Settings) -> None:
        self._connect = connect
        self._settings = settings

    async def fetch(self, address: Address, into: Path, known: str, meter: Meter, depot: Depot) -> Outcome:
        bucket = self._connect(address, self._settings)
        return await fetch(bucket, address, into, known, meter, depot, bucket.settings)


async def fetch(
    shelf: Shelf, address: Address, into: Path, known: str, meter: Meter, depot: Depot, settings: Settings
) -> Outcome:
    """What `Scheme.fetch` promises, for the objects on `shelf`."""
    found = await persist(settings.backoff, shelf.items)
    wanted = items.sound(_wanted(found, address, settings), address.shown)
    state = items.version(wanted)
    if state and state == known:
        return Unchanged()
    await collect(shelf, wanted, address, into, meter, depot, settings)
    return Fetched(state)


async def collect(
    store: Store, wanted: Sequence[Item], address: Address, into: Path, meter: Meter, depot: Depot, settings: Settings
) -> None:
    """Put the items `wanted` into `into`, if there is room for those that are not here."""
    collection = Collection(store, address.shown, depot, settings, meter)
    missing = collection.missing(wanted)
    refuse_lack_of_room(address, into, missing)
    if depot.shared:
        refuse_lack_of_room(address, depot.folder, missing, f"cache {depot.folder}")
    meter.begin("fetched", sum(item.size or 0 for item in wanted) if all(i.size is not None for i in wanted) else None)
    await collection.gather(wanted, into)


def _wanted(found: Sequence[Item], address: Address, settings: Settings) -> Sequence[Item]:
    chosen = patterns.read(settings.environment)
    wanted = [item for item in found if item.named or item.folder or chosen.want(item.name)]
    if any(not item.folder for item in found) and all(item.folder for item in wanted):
        raise SourceNotFound(
            f"None of the {len(found)} objects at '{address.shown}' fit STORAGE_ALLOW_PATTERNS and "
            f"STORAGE_IGNORE_PATTERNS; change these."
        )
    return wanted
