"""Where a model comes from, as the user wrote it, and the form of it that may be shown.

An address may carry a password or a signed query. It leaves this program only through `shown`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from storage_init.errors import AddressInvalid

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_USERINFO = re.compile(r"(?<=://)[^/?#]*@")
_QUERY = re.compile(r"[?#].*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """`scheme` is in lower case, and empty for a plain path."""

    text: str = field(repr=False)
    scheme: str

    @property
    def shown(self) -> str:
        return redact(self.text) if self.scheme else self.text

    @property
    def identity(self) -> str:
        """The same for the same address, and telling nothing of what is secret in it."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def parse(text: str) -> Address:
    if not text or "\0" in text:
        raise AddressInvalid("The source address is empty or holds a NUL character; write a path or a URL.")
    scheme = _SCHEME.match(text)
    return Address(text, scheme.group(1).lower() if scheme else "")


def redact(text: str) -> str:
    """`text` without its user, password, query and fragment, which are where credentials are."""
    return _QUERY.sub(lambda found: found.group()[0] + "***", _USERINFO.sub("***@", text))


def local_path(address: Address) -> Path | None:
    """The path that a plain path or a `file://` URL (RFC 8089) names; None for an address elsewhere."""
    if not address.scheme:
        return Path(address.text)
    if address.scheme != "file":
        return None
    parts = urlsplit(address.text)
    if parts.netloc not in ("", "localhost"):
        raise AddressInvalid(
            f"'{address.shown}' names '{parts.netloc.rpartition('@')[2]}' as a host. A file:// address is absolute, "
            f"with three slashes: file:///folder/model; a relative path is written without file://."
        )
    return Path(unquote(parts.path))
