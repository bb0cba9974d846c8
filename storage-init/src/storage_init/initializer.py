"""One model into one folder: look at what is there, fetch, unpack, move in."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storage_init import archive, record, schemes
from storage_init.address import Address, local_path
from storage_init.destination import Destination, choose, real, refuse_foreign, refuse_overlap
from storage_init.errors import DeadlineExceeded, FilesystemFailed
from storage_init.lock import exclusive
from storage_init.meter import Meter, Say
from storage_init.objects.depot import Depot
from storage_init.record import Record
from storage_init.schemes.scheme import Fetched, Scheme, Unchanged
from storage_init.settings import Settings
from storage_init.threads import in_thread

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Transfer:
    source: Address
    destination: Path


async def initialize(transfers: Sequence[Transfer], settings: Settings, say: Say) -> None:
    """Carry out `transfers`, a folder before what lies in it; raises the first StorageError, naming both places."""
    try:
        async with asyncio.timeout(settings.timeout) as deadline:
            for transfer in sorted(transfers, key=lambda transfer: real(transfer.destination)):
                await _carry_out(transfer, settings, say)
    except TimeoutError as exc:
        if not deadline.expired():
            raise
        raise DeadlineExceeded(
            f"Not done after {settings.timeout:g} s; nothing partial is left. Give more time with --timeout."
        ) from exc


async def _carry_out(transfer: Transfer, settings: Settings, say: Say) -> None:
    source, path = transfer.source, transfer.destination
    scheme = schemes.find(source, settings)
    try:
        if _is_in_place(source, path):
            say(f"{source.shown} is the destination itself: nothing to do")
            return
        destination = choose(path)
        async with exclusive(destination.lock, say):
            refuse_foreign(destination.folder)
            staging = destination.stage()
            depot = _depot(destination, settings)
            try:
                await _fill(transfer, destination, staging, scheme, depot, settings, say)
                shutil.rmtree(destination.resume, ignore_errors=True)
            finally:
                depot.tidy()
                shutil.rmtree(staging, ignore_errors=True)  # what stays, the next run removes
    except OSError as exc:
        raise FilesystemFailed(_explain(exc, transfer)) from exc


async def _fill(
    transfer: Transfer,
    destination: Destination,
    staging: Path,
    scheme: Scheme,
    depot: Depot,
    settings: Settings,
    say: Say,
) -> None:
    source = transfer.source
    meter = Meter(source.shown, say)
    contents = staging / "fetched"
    contents.mkdir()
    match await scheme.fetch(source, contents, _known(source, destination), meter, depot):
        case Unchanged():
            say(f"{source.shown} is already in {destination.folder}, complete and unchanged")
        case Fetched(version):
            say(meter.summary())
            if packed := archive.sole_archive(contents):
                contents = staging / "unpacked"
                unpacked = contents
                await in_thread(meter, lambda: archive.unpack(packed, unpacked, settings.limits, meter))
                say(meter.summary())
            entries = tuple(sorted(entry.name for entry in contents.iterdir()))
            made = Record(source.shown, source.identity, version, entries, complete=True)
            destination.publish(contents, staging, made)
            say(f"{source.shown} is in {destination.folder}, complete")


def _depot(destination: Destination, settings: Settings) -> Depot:
    """The cache of this machine where there is one that can be written, else a folder beside the destination."""
    if settings.cache is not None:
        try:
            settings.cache.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            logger.warning("No cache at %s (%s); fetching without one.", settings.cache, exc.strerror)
        else:
            if os.access(settings.cache, os.W_OK | os.X_OK):
                return Depot(settings.cache, shared=True)
    return Depot(destination.resume)


def _known(source: Address, destination: Destination) -> str:
    """The version of `source` that is complete at the destination; empty if none is."""
    standing = record.read(destination.folder)
    if standing is None or not standing.complete or standing.identity != source.identity:
        return ""
    if any(not os.path.lexists(destination.folder / name) for name in standing.entries):
        return ""  # somebody took a part away
    return standing.version


def _is_in_place(source: Address, path: Path) -> bool:
    """True where the model is to be fetched from where it already is, as KServe's /mnt/models to /mnt/models."""
    here = local_path(source)
    if here is None:
        return False
    if real(here) == real(path) and here.is_dir():
        return True
    refuse_overlap(here, real(path))
    return False


def _explain(exc: OSError, transfer: Transfer) -> str:
    mends = {
        errno.ENOSPC: "make room on its filesystem",
        errno.EDQUOT: "make room within the quota",
        errno.EACCES: "give this user the right to read the source and to write the destination's folder",
        errno.EPERM: "give this user the right to read the source and to write the destination's folder",
        errno.EROFS: "its filesystem is read-only; mount it writable for the initializer",
        errno.ENAMETOOLONG: "a name in the model is too long for this filesystem",
    }
    mend = mends.get(exc.errno or 0, "check the folder and its filesystem")
    place = f" at {exc.filename}" if exc.filename else ""
    return (
        f"Could not put '{transfer.source.shown}' into '{transfer.destination}': "
        f"{exc.strerror or type(exc).__name__}{place}; {mend}."
    )
