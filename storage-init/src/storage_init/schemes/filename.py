"""The name of a file that comes over HTTP, which matters: it says whether the file is an archive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, unquote

import httpx

from storage_init.record import RECORD

_UNNAMED = "model"
_LONGEST = 200
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")
_SUFFIX_OF_TYPE = {
    "application/zip": ".zip",
    "application/x-zip-compressed": ".zip",
    "application/x-tar": ".tar",
    "application/gzip": ".tar.gz",
    "application/x-gzip": ".tar.gz",
    "application/x-gtar": ".tar.gz",
    "application/x-bzip2": ".tar.bz2",
}


def choose_name(response: httpx.Response) -> str:
    """What the server calls it (Content-Disposition, RFC 6266), else the address's last part, else a `name.suffix` in
    its query. A name without a suffix gets that of an archive if the content type is one. Never a path."""
    named = [name for name in map(_plain, _candidates(response)) if name]
    name = next((name for name in named if PurePosixPath(name).suffix), named[0] if named else _UNNAMED)
    if PurePosixPath(name).suffix:
        return name
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return name + _SUFFIX_OF_TYPE.get(kind, "")


def _candidates(response: httpx.Response) -> Iterator[str]:
    if disposition := response.headers.get("content-disposition"):
        message = Message()
        message["content-disposition"] = disposition
        yield message.get_filename() or ""
    asked = response.history[0].url if response.history else response.url
    for url in (asked, response.url):
        yield unquote(url.raw_path.partition(b"?")[0].decode("ascii", "replace").rpartition("/")[2])
    for _, value in parse_qsl(asked.query.decode("ascii", "replace")):
        if PurePosixPath(_plain(value)).suffix:
            yield value


def _plain(name: str) -> str:
    """The last component of `name`, or nothing where that could not be a file of the model's."""
    last = _UNSAFE.sub("", name.replace("\\", "/")).rpartition("/")[2].strip()
    if last in (".", "..") or last.startswith(RECORD) or len(last.encode()) > _LONGEST:
        return ""
    return last
