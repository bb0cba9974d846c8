"""The sink that shows events: one line each, as JSON, on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from aiohttp import web

Show = Callable[[str], None]


def application(show: Show) -> web.Application:
    async def take(request: web.Request) -> web.Response:
        show(line(request.headers, await request.read()))
        return web.Response(status=200)

    app = web.Application(client_max_size=1024 * 1024 * 1024)
    app.router.add_post("/{path:.*}", take)
    return app


def line(headers: Mapping[str, str], body: bytes) -> str:
    attributes = {
        name.lower().removeprefix("ce-"): value for name, value in headers.items() if name.lower().startswith("ce-")
    }
    return json.dumps({**attributes, "data": _data(body)})


def _data(body: bytes) -> object:
    """As JSON where it is; else as text, with a bound."""
    try:
        return json.loads(body)
    except ValueError:
        return body[:1000].decode(errors="replace")
