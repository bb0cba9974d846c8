"""The kinds of address, a row each. A new one is a file beside this one, with an `open`, and a row here."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from storage_init.address import Address
from storage_init.errors import AddressInvalid
from storage_init.schemes.scheme import Scheme
from storage_init.settings import Settings

# Loaded when asked for: a store's client library can take longer to import than a small model to copy.
SCHEMES = {
    "": "local",
    "file": "local",
    "s3": "s3",
    "gs": "gs",
    "http": "http",
    "https": "http",
    "hf": "hf",
    "oci": "oci",
    "oci+native": "oci",
    "oci+fetch": "oci",
}
_BLOBS = re.compile(r"[^.]+\.blob\.core\.(windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)", re.IGNORECASE)


def find(address: Address, settings: Settings) -> Scheme:
    """The scheme of `address`; raises AddressInvalid for one that is not in the table."""
    scheme: Scheme = import_module(f"{__name__}.{module_of(address)}").open(settings)
    return scheme


def module_of(address: Address) -> str:
    """The name of the file beside this one; raises AddressInvalid."""
    module = _of_host(address) or SCHEMES.get(address.scheme)
    if module is None:
        supported = ", ".join(f"{name}://" for name in SCHEMES if name)
        raise AddressInvalid(
            f"Cannot fetch '{address.shown}': the scheme {address.scheme}:// is not supported. Supported: "
            f"{supported} and plain paths. Map its prefix to a folder or another store under 'storage:' in isvc.yaml."
        )
    return module


def _of_host(address: Address) -> str | None:
    """Azure's blobs and Git's repositories have addresses that begin with https:// and are known by the rest."""
    if address.scheme not in ("http", "https"):
        return None
    try:
        parts = urlsplit(address.text)
    except ValueError:
        return None  # what is wrong with it, http says
    if parts.hostname and _BLOBS.fullmatch(parts.hostname):
        return "azure"
    return "git" if PurePosixPath(parts.path).suffix == ".git" else None
