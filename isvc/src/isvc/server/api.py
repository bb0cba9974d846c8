"""The API over HTTP: addresses -> what `objects`, `snapshots`, `discovery` and `openapi` answer. One of the two edges.

Discovery has addresses of its own; everything else is `/api/v1/...` or `/apis/GROUP/VERSION/...`, which `target` reads.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from isvc.errors import IsvcError
from isvc.server import discovery, openapi, swagger, target
from isvc.server.access import Gate, status_response
from isvc.server.endless import until
from isvc.server.errors import ApiError, MethodNotAllowed, NotFound, Unavailable
from isvc.server.logs import log_lines
from isvc.server.objects import Objects, Written
from isvc.server.requests import delete_options, media_type, read_any, read_object
from isvc.server.resources import Object, Views
from isvc.server.snapshots import Snapshots
from isvc.server.store import Listing, Preconditions, Store
from isvc.server.table import partial, table
from isvc.server.target import Form, Target
from isvc.server.watch import Watch

_log = logging.getLogger(__name__)

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_SWAGGER_MEDIA = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_SWAGGER_MEDIA_ASKED = (_SWAGGER_MEDIA, _SWAGGER_MEDIA.replace(".v1.0", "@v1.0"))
"""Older kubectl asks with an "@", which it cannot read in an answer."""

Handler = Callable[[Request], Awaitable[Response]]


def app(store: Store, views: Views, token: str, ending: asyncio.Event) -> ASGIApp:
    """The whole API behind its gate. What has no end of its own, watches and followed logs, ends with `ending`."""
    api = _Api(store, views, Objects(store), Snapshots(views), ending)
    routes = [
        _route("/healthz", _ok),
        _route("/livez", _ok),
        _route("/readyz", _ok),
        _route("/version", _version),
        _route("/api", _api_versions),
        _route("/apis", _api_groups),
        _route("/api/v1", _core_resources),
        _route("/apis/{group}", _api_group),
        _route("/apis/{group}/{version}", _group_resources),
        _route("/openapi/v2", _openapi_v2),
        _route("/openapi/v3", _openapi_v3),
        _route("/openapi/v3/{path:path}", _openapi_v3_document),
        Route("/{path:path}", _guarded(api.answer), methods=list(_METHODS)),
    ]
    return Gate(Starlette(routes=routes), token)


def _route(path: str, handler: Callable[[Request], Response]) -> Route:
    async def answer(request: Request) -> Response:
        return handler(request)

    return Route(path, _guarded(answer), methods=["GET"])


def _guarded(handler: Handler) -> Handler:
    """Every failure as Kubernetes answers it; what nobody foresaw is logged and told without its insides."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except ApiError as exc:
            return status_response(exc)
        except IsvcError as exc:
            return status_response(Unavailable(str(exc)))
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:  # noqa: BLE001  (the edge: one request fails, the others go on)
            _log.exception("%s %s", request.method, request.url.path)
            return status_response(ApiError("something went wrong here; the log of `isvc serve` says what"))

    return answer


@dataclass(frozen=True, slots=True)
class _Api:
    store: Store
    views: Views
    objects: Objects
    snapshots: Snapshots
    ending: asyncio.Event

    async def answer(self, request: Request) -> Response:
        to = target.parse(request.url.path)
        method = request.method
        if to.subresource == "log" and method == "GET":
            return await self._logs(request, to)
        if to.name:
            handlers = {"GET": self._get, "PUT": self._put, "PATCH": self._patch, "DELETE": self._delete}
        else:
            handlers = {"GET": self._list, "POST": self._post, "DELETE": self._delete_all}
        if method not in handlers or (to.subresource and method == "DELETE"):
            raise MethodNotAllowed("the server does not allow this method on the requested resource")
        return await handlers[method](request, to)

    async def _get(self, request: Request, to: Target) -> Response:
        form = _form(request)
        if to.resource.stored:
            body = self.store.get(to.resource, *to.key)
        else:
            body = await self.snapshots.get(to.resource, *to.key)
        return _shown(to, form, body)

    async def _list(self, request: Request, to: Target) -> Response:
        form, reading = _form(request), target.reading(to.resource, request.query_params)
        listing = await self._listing(to)
        if reading.watch:
            source = self.store if to.resource.stored else self.snapshots
            lines = Watch(source, to, reading, form).lines(listing)
            return StreamingResponse(until(self.ending, lines), media_type="application/json")
        items = [item for item in listing.items if reading.selector.matches(item)]
        return _listed(to, form, items, str(listing.version))

    async def _listing(self, to: Target) -> Listing:
        if to.resource.stored:
            return self.store.list(to.resource, to.namespace)
        return await self.snapshots.list(to.resource, to.namespace)

    async def _post(self, request: Request, to: Target) -> Response:
        options = target.writing(request.query_params, request.headers.get("user-agent", ""))
        return _written(to, _form(request), self.objects.create(to, await read_object(request), options))

    async def _put(self, request: Request, to: Target) -> Response:
        options = target.writing(request.query_params, request.headers.get("user-agent", ""))
        return _written(to, _form(request), self.objects.update(to, await read_object(request), options))

    async def _patch(self, request: Request, to: Target) -> Response:
        options = target.writing(request.query_params, request.headers.get("user-agent", ""))
        change = await read_any(request)
        return _written(to, _form(request), self.objects.patch(to, media_type(request), change, options))

    async def _delete(self, request: Request, to: Target) -> Response:
        wanted, sent = await delete_options(request)
        options = target.writing(_with_dry_run(request, sent), request.headers.get("user-agent", ""))
        written = self.objects.delete(to, wanted, options)
        return _json(_success(to, written.body) if written.gone else written.body)

    async def _delete_all(self, request: Request, to: Target) -> Response:
        _, sent = await delete_options(request)
        options = target.writing(_with_dry_run(request, sent), request.headers.get("user-agent", ""))
        selector = target.reading(to.resource, request.query_params).selector
        items = [item for item in (await self._listing(to)).items if selector.matches(item)]
        for item in items:
            each = Target(to.resource, item["metadata"].get("namespace"), item["metadata"]["name"])
            try:
                self.objects.delete(each, Preconditions(uid=item["metadata"]["uid"]), options)
            except NotFound:
                continue  # it has gone meanwhile, as was wanted
        return _listed(to, Form(), items, str(self.store.version))

    async def _logs(self, request: Request, to: Target) -> Response:
        lines = await log_lines(self.views, to, request.query_params, time.time())
        return StreamingResponse(until(self.ending, lines), media_type="text/plain; charset=utf-8")


def _with_dry_run(request: Request, sent: Object) -> Mapping[str, str]:
    """A delete says `dryRun` in its body or in its query."""
    return {**request.query_params, "dryRun": "All"} if sent.get("dryRun") else request.query_params


def _form(request: Request) -> Form:
    return target.form(request.headers.get("accept", ""), request.query_params)


def _shown(to: Target, form: Form, body: Object) -> Response:
    if form.is_table:
        version = body["metadata"].get("resourceVersion", "")
        return _json(table(to.resource, [body], version, time.time(), include=form.include))
    return _json(partial(body) if form.is_partial else body)


def _listed(to: Target, form: Form, items: list[Object], version: str) -> Response:
    if form.is_table:
        return _json(table(to.resource, items, version, time.time(), include=form.include))
    head: Object = {"kind": f"{to.resource.kind}List", "apiVersion": to.resource.api_version}
    if form.is_partial:
        head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        items = [partial(item) for item in items]
    return _json({**head, "metadata": {"resourceVersion": version}, "items": items})


def _written(to: Target, form: Form, written: Written) -> Response:
    response = _shown(to, form, written.body)
    response.status_code = 201 if written.created else 200
    for warning in written.warnings:
        response.headers.append("warning", f"299 - {json.dumps(warning)}")
    return response


def _success(to: Target, body: Object) -> Object:
    details = {"name": to.name, "group": to.resource.group, "kind": to.resource.plural, "uid": body["metadata"]["uid"]}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }


def _json(body: Mapping[str, Any], status: int = 200, media: str = "application/json") -> Response:
    return Response(json.dumps(body, separators=(",", ":")), status, media_type=media)


def _found(body: Mapping[str, Any] | None) -> Response:
    if body is None:
        raise NotFound("the server could not find the requested resource")
    return _json(body)


def _ok(request: Request) -> Response:
    return Response("ok", media_type="text/plain")


def _version(request: Request) -> Response:
    return _json(discovery.version())


def _api_versions(request: Request) -> Response:
    return _discovered(request, core=True) or _json(discovery.core_versions(request.url.netloc))


def _api_groups(request: Request) -> Response:
    return _discovered(request, core=False) or _json(discovery.group_list())


def _discovered(request: Request, *, core: bool) -> Response | None:
    """All at once, for one who asks for that."""
    version = target.discovery_version(request.headers.get("accept", ""), discovery.AGGREGATED)
    if not version:
        return None
    media = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    return _json(discovery.aggregated(version, core=core), media=media)


def _core_resources(request: Request) -> Response:
    return _found(discovery.resource_list("", "v1"))


def _api_group(request: Request) -> Response:
    return _found(discovery.group(request.path_params["group"]))


def _group_resources(request: Request) -> Response:
    return _found(discovery.resource_list(request.path_params["group"], request.path_params["version"]))


def _openapi_v2(request: Request) -> Response:
    accept = request.headers.get("accept", "")
    if any(media in accept for media in _SWAGGER_MEDIA_ASKED):
        return Response(swagger.encode(openapi.swagger()), media_type=_SWAGGER_MEDIA)
    return _json(openapi.swagger())


def _openapi_v3(request: Request) -> Response:
    return _json(openapi.index())


def _openapi_v3_document(request: Request) -> Response:
    return _found(openapi.document(request.path_params["path"]))
