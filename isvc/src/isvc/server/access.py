"""Who is let in: one token, by way of this machine's own names, and no browser. An ASGI layer around the API."""

from __future__ import annotations

import hmac
import json

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from isvc.server.errors import ApiError, Forbidden, Unauthorized

_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_OPEN = ("/healthz", "/livez", "/readyz")


class Gate:
    """Refuses before anything else looks at a request.

    A foreign Host is a page whose name was made to lead here, and an Origin is a page of whatever site: neither is
    kubectl, and both could ride on what a browser may reach.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope["path"], Headers(scope=scope))
        except ApiError as exc:
            await status_response(exc)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, path: str, headers: Headers) -> None:
        host = headers.get("host", "")
        if _without_port(host) not in _HOSTS:
            raise Forbidden(f'the Host "{host}" is not served here; use 127.0.0.1 or localhost')
        if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
            raise Forbidden("requests from web pages are not answered")
        if path not in _OPEN and not self._knows(headers.get("authorization", "")):
            raise Unauthorized("Unauthorized")

    def _knows(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        given = token.strip().encode("utf-8", "replace")
        return scheme.lower() == "bearer" and hmac.compare_digest(given, self._token.encode())


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def status_response(exc: ApiError) -> Response:
    """An error as Kubernetes writes it."""
    return Response(json.dumps(exc.status()), exc.code, media_type="application/json")
