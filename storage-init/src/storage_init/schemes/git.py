"""`https://host/owner/repository.git[?ref=branch]`: the files of a Git repository's newest commit, without its history.

By dulwich, so that no `git` has to be there and no password stands in a command line: GIT_USERNAME and GIT_PASSWORD are
the credentials. A repository comes as one stream, so it is neither resumed nor kept for other destinations.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import urllib3
from dulwich import porcelain
from dulwich.client import HTTPUnauthorized, get_transport_and_path
from dulwich.errors import GitProtocolError, HangupException, NotGitRepository

from storage_init.address import Address
from storage_init.errors import FetchFailed, FetchInterrupted, SourceNotFound, StorageError
from storage_init.meter import Meter
from storage_init.objects.depot import Depot
from storage_init.retry import persist
from storage_init.schemes.scheme import Fetched, Outcome, Scheme, Unchanged
from storage_init.settings import Settings
from storage_init.threads import in_thread

_MEND = "Set GIT_USERNAME and GIT_PASSWORD (a token) to what may read the repository."


def open(settings: Settings) -> Scheme:
    return Git(settings)


class Git:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def fetch(self, address: Address, into: Path, known: str, meter: Meter, depot: Depot) -> Outcome:
        async def attempt() -> Outcome:
            return await in_thread(meter, lambda: self._fetch(address, into, known, meter))

        return await persist(self._settings.backoff, attempt)

    def _fetch(self, address: Address, into: Path, known: str, meter: Meter) -> Outcome:
        url, ref = _split(address)
        try:
            commit = self._newest(url, ref, address.shown)
            if commit == known:
                return Unchanged()
            meter.begin("fetched")
            self._clone(url, ref, into, meter)
            return Fetched(commit)
        except (urllib3.exceptions.HTTPError, OSError, GitProtocolError, HangupException, NotGitRepository) as exc:
            raise _translate(exc, address.shown) from exc

    def _newest(self, url: str, ref: str, shown: str) -> str:
        client, path = get_transport_and_path(url, **_login(self._settings.environment), **self._pool())
        refs = {name.decode(): commit for name, commit in client.get_refs(path.encode()).refs.items()}
        names = [f"refs/heads/{ref}", f"refs/tags/{ref}"] if ref else ["HEAD"]
        for name in names:
            if commit := refs.get(name):
                return str(commit.decode())
        raise SourceNotFound(f"'{shown}' has no branch or tag called '{ref or 'HEAD'}'; check its name.")

    def _clone(self, url: str, ref: str, into: Path, meter: Meter) -> None:
        for left in into.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        repository = porcelain.clone(
            url,
            str(into),
            depth=1,
            branch=ref.encode() or None,
            errstream=_Progress(meter),
            **_login(self._settings.environment),
            **self._pool(),
        )
        repository.close()
        shutil.rmtree(into / ".git")

    def _pool(self) -> dict[str, Any]:
        times = urllib3.Timeout(connect=self._settings.connect_timeout, read=self._settings.read_timeout)
        return {"pool_manager": urllib3.PoolManager(timeout=times, retries=False)}


class _Progress(io.RawIOBase):
    """Where dulwich writes what the server says: of no use to a log, but a moment to notice that the run was ended."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._meter.advance(0)
        return len(data)


def _split(address: Address) -> tuple[str, str]:
    parts = urlsplit(address.text)
    ref = parse_qs(parts.query).get("ref", [""])[0]
    return urlunsplit(parts._replace(query="", fragment="")), ref


def _login(environment: Mapping[str, str]) -> dict[str, Any]:
    names = {"username": "GIT_USERNAME", "password": "GIT_PASSWORD"}
    return {key: environment[name] for key, name in names.items() if environment.get(name)}


def _translate(exc: Exception, shown: str) -> StorageError:
    match exc:
        case HTTPUnauthorized():
            return FetchFailed(f"'{shown}': access was refused. {_MEND}")
        case NotGitRepository():
            return SourceNotFound(f"No repository stands at '{shown}'; check the address and the rights. {_MEND}")
        case urllib3.exceptions.ConnectTimeoutError() | urllib3.exceptions.NewConnectionError():
            return FetchInterrupted(f"No connection to '{shown}'. Check the host, the port and the proxy.")
        case urllib3.exceptions.HTTPError() | HangupException():
            return FetchInterrupted(f"The transfer of '{shown}' broke ({type(exc).__name__}).")
        case GitProtocolError():
            return FetchFailed(f"'{shown}' does not answer as a Git server does; check the address.")
    raise exc
