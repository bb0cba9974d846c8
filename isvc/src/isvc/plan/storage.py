"""Where a model comes from, and the unit that fetches it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from isvc.errors import Place, PlanError
from isvc.plan.units import Component, Directory, Folder, Unit
from isvc.settings import Settings, StorageMapping

_SCHEMES = ("gs", "s3", "pvc", "file", "https", "http", "hdfs", "webhdfs", "oci", "oci+native", "oci+fetch", "hf")


@dataclass(frozen=True, slots=True)
class Source:
    """What the storage initializer is told to fetch."""

    location: str | Folder
    notice: str = ""


def source(uri: str, settings: Settings, place: Place) -> Source:
    """The address as the settings map it. Raises PlanError."""
    scheme, separator, rest = uri.partition("://")
    if not uri.strip() or (separator and (scheme not in _SCHEMES or not rest)):
        prefixes = " ".join(f"{name}://" for name in _SCHEMES)
        raise PlanError(f"storageUri, must be one of: [{prefixes}]. StorageUri [{uri}] is not supported", place)
    mapping = _longest(uri, settings)
    if mapping is not None:
        return _mapped(uri, mapping, place)
    if scheme == "pvc":
        raise PlanError(f"there are no volumes here; map it in isvc.yaml:  storage: {{{uri}: path/to/folder}}", place)
    if separator and scheme != "file":
        return Source(uri)
    path = rest if separator else uri
    if not path.startswith("/"):
        raise PlanError(f"{uri} has no folder to start from; write a path that starts with /, or an address", place)
    return Source(Folder(unquote(path) if separator else path))


def initializer(name: str, fetched: Source, directory: Directory) -> Unit:
    return Unit(
        name=name,
        component=Component.STORAGE_INITIALIZER,
        command=(("storage-init",), (fetched.location,), (directory,)),
        image="kserve/storage-initializer:latest",
    )


def _mapped(uri: str, mapping: StorageMapping, place: Place) -> Source:
    below = uri[len(mapping.prefix.rstrip("/")) :].strip("/")
    if ".." in unquote(below).split("/"):
        raise PlanError("`..` cannot stand in an address that isvc.yaml maps; write the address without it", place)
    location = f"{mapping.target.rstrip('/')}/{below}" if below else mapping.target
    notice = f"storage: {mapping.prefix} -> {mapping.written} (isvc.yaml)"
    return Source(location if "://" in mapping.target else Folder(location), notice)


def _longest(uri: str, settings: Settings) -> StorageMapping | None:
    """The mapping with the longest prefix that is `uri` or a folder above it."""
    address = f"{uri.rstrip('/')}/"
    fitting = (entry for entry in settings.storage if address.startswith(f"{entry.prefix.rstrip('/')}/"))
    return max(fitting, key=lambda entry: len(entry.prefix.rstrip("/")), default=None)
