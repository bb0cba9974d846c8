"""Routes that a user's program adds to the REST port, by Starlette's or FastAPI's means; loaded only for those."""

from collections.abc import Sequence
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from modelapi.errors import ModelApiError
from modelapi.server.rest import error_body, status_of


def before(others: Any, routes: Sequence[BaseRoute]) -> Any:
    """An application that has `routes`, and for every other path is `others`."""
    return over(others, Starlette(routes=list(routes)))


def over(others: Any, app: Starlette) -> Any:
    """The user's own application, with its routes and its middleware; a path that it has not is for `others`.

    An error in a route has KServe's shape, unless the application has a handler of its own for it.
    """
    for kind, handler in ((ModelApiError, _model_error), (HTTPException, _http_error), (Exception, _model_error)):
        if kind not in app.exception_handlers or _is_frameworks(app.exception_handlers[kind]):
            app.add_exception_handler(kind, handler)
    app.router.default = others
    return app


def _is_frameworks(handler: Any) -> bool:
    return str(getattr(handler, "__module__", "")).partition(".")[0] in ("fastapi", "starlette")


async def _model_error(_request: Request, error: Exception) -> Response:
    return Response(error_body(error), status_of(error), media_type="application/json")


async def _http_error(_request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    text = str(getattr(error, "detail", error))
    return Response(orjson.dumps({"error": text}), status, getattr(error, "headers", None), "application/json")
