"""A line for each REST request: uvicorn's, or with `--access_log_format` one of %(atom)s fields.

The atoms are those of gunicorn and of asgi-logger, which KServe documents: h l u t r m U q H s B b f a T D L M p, and
%({name}i)s, %({name}o)s, %({name}e)s for a request header, an answer header and an environment variable.
"""

import http as statuses
import logging
import os
import time
from collections.abc import Mapping
from typing import Any

from modelapi.log_lines import RequestLines
from modelapi.server import http

uvicorn_logger = logging.getLogger("uvicorn.access")
own_logger = logging.getLogger("modelapi.access")


class RequestLog:
    """ASGI layer that notes uvicorn's access line; the arguments are those that uvicorn's AccessFormatter expects."""

    def __init__(self, application: Any, lines: RequestLines) -> None:
        self._application = application
        self._lines = lines

    async def __call__(self, scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        status = 500

        async def watched(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._application(scope, receive, watched)
        finally:
            client = scope.get("client")
            self._lines.note(
                uvicorn_logger,
                '%s - "%s %s HTTP/%s" %d',
                f"{client[0]}:{client[1]}" if client else "",
                scope["method"],
                _target(scope),
                scope["http_version"],
                status,
            )


def _target(scope: http.Scope) -> str:
    """The path as the caller wrote it, with its query."""
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query: bytes = scope.get("query_string", b"")
    return f"{path}?{query.decode('latin-1')}" if query else path


class AccessLog:
    """ASGI layer that notes a line of the user's format for each answer, on the logger `modelapi.access`."""

    def __init__(self, application: Any, line_format: str, lines: RequestLines) -> None:
        self._application = application
        self._format = line_format
        self._lines = lines

    async def __call__(self, scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        start, seen = time.perf_counter(), _Seen()

        async def watched(message: Any) -> None:
            seen.look(message)
            await send(message)

        try:
            await self._application(scope, receive, watched)
        finally:
            atoms = Atoms(scope, seen, time.perf_counter() - start)
            self._lines.note(own_logger, self._format, atoms)


class _Seen:
    """What went out."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: dict[str, str] = {}
        self.size = 0

    def look(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = http.headers_of(message)
        else:
            self.size += len(message.get("body", b""))


class Atoms(dict[str, str]):
    """The fields of a line; one that does not apply is "-"."""

    def __init__(self, scope: http.Scope, seen: _Seen, seconds: float) -> None:
        headers = http.headers_of(scope)
        self._sources = {"i": headers, "o": seen.headers, "e": os.environ}
        query = scope.get("query_string", b"").decode("latin-1")
        path = scope["path"]
        client = scope.get("client") or ("-",)
        protocol = f"HTTP/{scope['http_version']}"
        full = f"{path}?{query}" if query else path
        phrase = statuses.HTTPStatus(seen.status).phrase if seen.status in set(statuses.HTTPStatus) else "-"
        super().__init__(
            h=str(client[0]), l="-", u="-", t=time.strftime("[%d/%b/%Y:%H:%M:%S %z]"), m=scope["method"], U=path,
            q=query, H=protocol, r=f"{scope['method']} {full} {protocol}", R=f"{scope['method']} {path} {protocol}",
            s=str(seen.status), st=phrase, S=f"{seen.status} {phrase}", B=str(seen.size), b=str(seen.size or "-"),
            f=headers.get("referer", "-"), a=headers.get("user-agent", "-"), T=str(int(seconds)),
            M=str(int(seconds * 1e3)), D=str(int(seconds * 1e6)), L=f"{seconds:.6f}", p=f"<{os.getpid()}>",
        )  # fmt: skip

    def __missing__(self, atom: str) -> str:
        if atom.startswith("{") and atom[-2:-1] == "}" and atom[-1] in self._sources:
            name = atom[1:-2]
            return self._sources[atom[-1]].get(name if atom[-1] == "e" else name.lower(), "-")
        return "-"
