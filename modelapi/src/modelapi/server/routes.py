"""The REST routes that are no predictions: liveness, metadata, readiness, repository, metrics; and OpenAPI.

One table says which they are. A request is matched against it here, without a web framework, which would cost every
server a quarter of its start; `server.openapi` makes the document of the same table. The prediction routes are in it
for the document and for 405: `server.rest` answers them before a request gets here.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from modelapi import metrics
from modelapi.codec import v2_json
from modelapi.dataplane import DataPlane
from modelapi.errors import InvalidInput, ModelApiError, ModelNotReady, ServerNotReady
from modelapi.server import http
from modelapi.server.rest import error_body, status_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Server:
    """What an endpoint asks."""

    plane: DataPlane
    max_body_bytes: int
    user_routes: Sequence[Any] = ()  # for the document


@dataclass(frozen=True)
class Call:
    """One request: the names in its path, its headers, and where its body comes from."""

    server: Server
    names: Mapping[str, str]
    headers: dict[str, str]
    receive: http.Receive


@dataclass(frozen=True)
class Reply:
    """One answer, whole."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True)
class Endpoint:
    """A row of the table: `fails` are the statuses it may have other than 200."""

    method: str
    path: str
    tag: str
    name: str
    act: Callable[[Call], Awaitable[Reply]] | None
    fails: tuple[int, ...] = ()


class Routes:
    """The ASGI application of the table."""

    def __init__(self, plane: DataPlane, max_body_bytes: int, docs: bool = False, user_routes: Any = ()) -> None:
        self._server = Server(plane, max_body_bytes, user_routes)
        self._rows = [(_pattern(row.path), row) for row in (*ENDPOINTS, *((DOCS,) if docs else ()))]

    async def __call__(self, scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        try:
            reply = await self._reply(scope, receive)
        except http.Disconnected:
            return
        except ModelApiError as exc:
            reply = Reply(error_body(exc), status_of(exc))
        except Exception as exc:  # the server's edge: whatever a model's own code raises is an answer
            logger.exception("%s %s failed", scope["method"], scope["path"])
            reply = Reply(error_body(exc), status_of(exc))
        headers = [(b"content-type", reply.content_type.encode()), *reply.headers]
        await http.answer(send, reply.status, headers, (reply.body,))

    async def _reply(self, scope: http.Scope, receive: http.Receive) -> Reply:
        path: str = scope["path"]
        found = self._matches(path)
        for names, row in found:
            if row.method == scope["method"] and row.act is not None:
                return await row.act(Call(self._server, names, http.headers_of(scope), receive))
        if found:
            allowed = ", ".join(sorted({row.method for _, row in found}))
            return _error(405, "Method Not Allowed", (b"allow", allowed.encode()))
        if path.endswith("/") and self._matches(path[:-1]):
            return Reply(b"", 307, headers=((b"location", _without_slash(scope)),))
        return _error(404, "Not Found")

    def _matches(self, path: str) -> list[tuple[dict[str, str], Endpoint]]:
        return [(match.groupdict(), row) for pattern, row in self._rows if (match := pattern.fullmatch(path))]


async def _alive(_call: Call) -> Reply:
    return _json({"status": "alive"})


async def _metrics(call: Call) -> Reply:
    text, content_type = metrics.exposition(call.headers.get("accept", ""))
    return Reply(text, content_type=content_type)


async def _document(call: Call) -> Reply:
    from modelapi.server import openapi

    return _json(await asyncio.to_thread(openapi.document, ENDPOINTS, call.server.user_routes))


async def _docs(_call: Call) -> Reply:
    from modelapi.server import openapi

    return Reply(await asyncio.to_thread(openapi.page), content_type="text/html; charset=utf-8")


async def _models(call: Call) -> Reply:
    return _json({"models": call.server.plane.model_names()})


async def _model_ready(call: Call) -> Reply:
    name = call.names["model_name"]
    if not await call.server.plane.model_ready(name, call.names.get("model_version")):
        raise ModelNotReady(name)
    return _json({"name": name, "ready": True})


async def _server_metadata(call: Call) -> Reply:
    return _json(call.server.plane.metadata())


async def _server_live(_call: Call) -> Reply:
    return _json({"live": True})


async def _server_ready(call: Call) -> Reply:
    if not await call.server.plane.ready():
        raise ServerNotReady
    return _json({"ready": True})


async def _model_metadata(call: Call) -> Reply:
    names = call.names
    return _json(await call.server.plane.model_metadata(names["model_name"], names.get("model_version")))


async def _index(call: Call) -> Reply:
    body = await http.read_body(call.receive, call.headers, call.server.max_body_bytes)
    return _json(await call.server.plane.index(_ready_only(body)))


async def _load(call: Call) -> Reply:
    await call.server.plane.load(call.names["model_name"])
    return _json({"name": call.names["model_name"], "load": True})


async def _unload(call: Call) -> Reply:
    await call.server.plane.unload(call.names["model_name"])
    return _json({"name": call.names["model_name"], "unload": True})


_V1 = "/v1/models/{model_name}"
_V2 = "/v2/models/{model_name}"
_VERSION = f"{_V2}/versions/{{model_version}}"
_REPOSITORY = "/v2/repository"
_PREDICTION_FAILS = (400, 404, 413, 500, 501, 502, 503, 504)
ENDPOINTS = (
    Endpoint("GET", "/", "health", "alive", _alive),
    Endpoint("GET", "/metrics", "metrics", "metrics", _metrics),
    Endpoint("GET", "/openapi.json", "documentation", "openapi", _document),
    Endpoint("GET", "/v1/models", "V1", "list_models", _models),
    Endpoint("GET", _V1, "V1", "model_ready", _model_ready, (404, 503)),
    Endpoint("GET", "/v2", "V2", "server_metadata", _server_metadata),
    Endpoint("GET", "/v2/health/live", "V2", "server_live", _server_live),
    Endpoint("GET", "/v2/health/ready", "V2", "server_ready", _server_ready, (503,)),
    Endpoint("GET", "/v2/models", "V2", "list_models_v2", _models),
    Endpoint("GET", _V2, "V2", "model_metadata", _model_metadata, (404, 503)),
    Endpoint("GET", f"{_V2}/ready", "V2", "model_ready_v2", _model_ready, (404, 503)),
    Endpoint("GET", _VERSION, "V2", "version_metadata", _model_metadata, (404, 501, 503)),
    Endpoint("GET", f"{_VERSION}/ready", "V2", "version_ready", _model_ready, (404, 501, 503)),
    Endpoint("POST", f"{_REPOSITORY}/index", "model repository", "index", _index, (400, 413)),
    Endpoint("POST", f"{_REPOSITORY}/models/{{model_name}}/load", "model repository", "load", _load, (503,)),
    Endpoint("POST", f"{_REPOSITORY}/models/{{model_name}}/unload", "model repository", "unload", _unload, (404,)),
    Endpoint("POST", f"{_V1}:predict", "V1", "predict", None, _PREDICTION_FAILS),
    Endpoint("POST", f"{_V1}:explain", "V1", "explain", None, _PREDICTION_FAILS),
    Endpoint("POST", f"{_V2}/infer", "V2", "infer", None, _PREDICTION_FAILS),
    Endpoint("POST", f"{_VERSION}/infer", "V2", "infer_version", None, _PREDICTION_FAILS),
)
DOCS = Endpoint("GET", "/docs", "documentation", "docs", _docs)


def _pattern(path: str) -> re.Pattern[str]:
    """A path of the table as expression: a name in braces is anything without a slash."""
    return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path.replace(".", r"\.")))


def _json(content: Any) -> Reply:
    return Reply(orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY))


def _error(status: int, text: str, *headers: tuple[bytes, bytes]) -> Reply:
    return Reply(orjson.dumps({"error": text}), status, headers=headers)


def _without_slash(scope: http.Scope) -> bytes:
    """The same address without the slash at its end, relative to this server."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    return path.removesuffix(b"/") + (b"?" + query if query else b"")


def _ready_only(body: bytes) -> bool:
    """What a repository index request asks for; no body means every model."""
    wish = v2_json.loads(body or b"{}").get("ready", False)
    if not isinstance(wish, bool):
        raise InvalidInput("'ready' must be true or false.")
    return wish
