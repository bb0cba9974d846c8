"""The REST routes that are no predictions: liveness, metadata, readiness, repository, metrics; and OpenAPI.

The prediction routes are served by `server.rest` before a request gets here. They are described here, so that the
document shows them, and answer a wrong method with 405.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from modelapi import metrics
from modelapi.config import VERSION
from modelapi.dataplane import DataPlane
from modelapi.errors import ModelApiError, ModelNotReady, ServerNotReady
from modelapi.server.rest import error_body, status_of

_OBJECT = {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}
_V2_OBJECT = {
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["inputs"],
                "properties": {
                    "id": {"type": "string"},
                    "parameters": {"type": "object"},
                    "inputs": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Tensor"}},
                    "outputs": {"type": "array", "items": {"type": "object"}},
                },
            }
        },
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    },
    "required": True,
}
_TENSOR = {
    "type": "object",
    "required": ["name", "shape", "datatype"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "datatype": {"type": "string"},
        "parameters": {"type": "object"},
        "data": {"type": "array", "items": {}},
    },
}


class JSONAnswer(Response):
    """A body that orjson writes."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def build(plane: DataPlane, docs: bool = False, extra_routes: Sequence[BaseRoute] = ()) -> FastAPI:
    """The FastAPI application over a data plane; `extra_routes` are a server's own."""
    app = FastAPI(
        title="kserve-local ModelServer",
        version=VERSION,
        docs_url="/docs" if docs else None,
        redoc_url=None,
        default_response_class=JSONAnswer,
        routes=list(extra_routes),
    )
    app.include_router(_common())
    app.include_router(_v1(plane))
    app.include_router(_v2(plane))
    app.include_router(_versions(plane))
    app.include_router(_repository(plane))
    app.include_router(_predictions())
    app.add_exception_handler(ModelApiError, _model_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _model_error)
    _describe_tensor(app)
    return app


def _common() -> APIRouter:
    router = APIRouter()

    @router.get("/", tags=["health"])
    async def live() -> Response:
        return JSONAnswer({"status": "alive"})

    @router.get("/metrics", tags=["metrics"])
    async def show_metrics(request: Request) -> Response:
        text, content_type = metrics.exposition(request.headers.get("accept", ""))
        return Response(text, headers={"content-type": content_type})

    return router


def _v1(plane: DataPlane) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["V1"])

    @router.get("/models")
    async def models() -> Response:
        return JSONAnswer({"models": plane.model_names()})

    @router.get("/models/{model_name}")
    async def model_ready(model_name: str) -> Response:
        return await _ready_answer(plane, model_name)

    return router


def _v2(plane: DataPlane) -> APIRouter:
    router = APIRouter(prefix="/v2", tags=["V2"])

    @router.get("")
    async def metadata() -> Response:
        return JSONAnswer(plane.metadata())

    @router.get("/health/live")
    async def live() -> Response:
        return JSONAnswer({"live": True})

    @router.get("/health/ready")
    async def ready() -> Response:
        if not await plane.ready():
            raise ServerNotReady
        return JSONAnswer({"ready": True})

    @router.get("/models")
    async def models() -> Response:
        return JSONAnswer({"models": plane.model_names()})

    @router.get("/models/{model_name}")
    async def model_metadata(model_name: str) -> Response:
        return JSONAnswer(await plane.model_metadata(model_name))

    @router.get("/models/{model_name}/ready")
    async def model_ready(model_name: str) -> Response:
        return await _ready_answer(plane, model_name)

    return router


def _versions(plane: DataPlane) -> APIRouter:
    router = APIRouter(prefix="/v2/models/{model_name}/versions/{model_version}", tags=["V2"])

    @router.get("")
    async def metadata(model_name: str, model_version: str) -> Response:
        return JSONAnswer(await plane.model_metadata(model_name, model_version))

    @router.get("/ready")
    async def ready(model_name: str, model_version: str) -> Response:
        return await _ready_answer(plane, model_name, model_version)

    return router


def _repository(plane: DataPlane) -> APIRouter:
    router = APIRouter(prefix="/v2/repository", tags=["model repository"])

    @router.post("/index")
    async def index(request: Request) -> Response:
        return JSONAnswer(await plane.index(_ready_only(await request.body())))

    @router.post("/models/{model_name}/load")
    async def load(model_name: str) -> Response:
        await plane.load(model_name)
        return JSONAnswer({"name": model_name, "load": True})

    @router.post("/models/{model_name}/unload")
    async def unload(model_name: str) -> Response:
        await plane.unload(model_name)
        return JSONAnswer({"name": model_name, "unload": True})

    return router


def _predictions() -> APIRouter:
    """Routes that `server.rest` answers first: here for the document, and for 405."""
    router = APIRouter()

    async def served_before() -> Response:  # pragma: no cover - `server.rest` has answered
        raise HTTPException(404)

    for verb in ("predict", "explain"):
        path = f"/v1/models/{{model_name}}:{verb}"
        router.add_api_route(path, served_before, methods=["POST"], tags=["V1"], **_document(verb, _OBJECT))
    for path, name in (
        ("/v2/models/{model_name}/infer", "infer"),
        ("/v2/models/{model_name}/versions/{model_version}/infer", "infer_version"),
    ):
        router.add_api_route(path, served_before, methods=["POST"], tags=["V2"], **_document(name, _V2_OBJECT))
    return router


def _document(name: str, body: dict[str, Any]) -> dict[str, Any]:
    versioned = [_path_parameter("model_version")] if name == "infer_version" else []
    return {
        "operation_id": name,
        "openapi_extra": {"requestBody": body, "parameters": [_path_parameter("model_name"), *versioned]},
        "responses": {
            400: {"description": "The request cannot be served as it is"},
            404: {"description": "No such model"},
        },
    }


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _describe_tensor(app: FastAPI) -> None:
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        document.setdefault("components", {}).setdefault("schemas", {})["Tensor"] = _TENSOR
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend its document


async def _ready_answer(plane: DataPlane, name: str, version: str | None = None) -> Response:
    if not await plane.model_ready(name, version):
        raise ModelNotReady(name)
    return JSONAnswer({"name": name, "ready": True})


def _ready_only(body: bytes) -> bool:
    try:
        wish = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        return False
    return isinstance(wish, dict) and wish.get("ready") is True


async def _model_error(_request: Request, error: Exception) -> Response:
    return Response(error_body(error), status_of(error), media_type="application/json")


async def _http_error(_request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    detail = getattr(error, "detail", str(error))
    return JSONAnswer({"error": str(detail)}, status, headers=getattr(error, "headers", None))
