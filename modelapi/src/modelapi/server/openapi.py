"""The OpenAPI document of a server, and the page that shows it; made when somebody asks, and loaded only then."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from modelapi.codec.datatypes import DATATYPES
from modelapi.config import VERSION
from modelapi.server.routes import Endpoint

TITLE = "kserve-local ModelServer"
_JSON = "application/json"
_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_MEANINGS = {
    400: "The request cannot be served as it is",
    404: "No such model, or no such version of it",
    413: "The body is larger than this server takes",
    500: "The model failed",
    501: "The model cannot do this",
    502: "The predictor failed",
    503: "Not ready, busy, or without its predictor",
    504: "The predictor did not answer in time",
}


def document(endpoints: Iterable[Endpoint], user_routes: Sequence[Any] = ()) -> dict[str, Any]:
    """OpenAPI 3.1; `user_routes` are a server's own, of which FastAPI describes those that were made with it."""
    paths: dict[str, dict[str, Any]] = {}
    schemas = dict(_SCHEMAS)
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    if user_routes:
        own = _described_by_fastapi(user_routes)
        paths |= own.get("paths", {})
        schemas |= own.get("components", {}).get("schemas", {})
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def page() -> bytes:
    """Swagger UI on the document."""
    from fastapi.openapi.docs import get_swagger_ui_html

    return bytes(get_swagger_ui_html(openapi_url="/openapi.json", title=f"{TITLE} - Swagger UI").body)


def _described_by_fastapi(routes: Sequence[Any]) -> dict[str, Any]:
    from fastapi.openapi.utils import get_openapi

    return get_openapi(title=TITLE, version=VERSION, routes=routes)


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": [endpoint.tag],
        "summary": endpoint.name.replace("_", " ").capitalize(),
        "operationId": endpoint.name,
        "responses": {"200": _success(endpoint.name)} | {str(status): _failure(status) for status in endpoint.fails},
    }
    names = re.findall(r"{(\w+)}", endpoint.path)
    if names:
        operation["parameters"] = [_path_parameter(name) for name in names]
    body = _BODIES.get(endpoint.name)
    if body is not None:
        operation["requestBody"] = {"content": body, "required": endpoint.name != "index"}
    return operation


def _success(name: str) -> dict[str, Any]:
    content = _ANSWERS.get(name) or {_JSON: {"schema": {"type": "object"}}}
    return {"description": "Successful Response", "content": content}


def _failure(status: int) -> dict[str, Any]:
    return {"description": _MEANINGS[status], "content": _of("Error")}


def _path_parameter(name: str) -> dict[str, Any]:
    title = name.replace("_", " ").title()
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "title": title}}


def _of(schema: str) -> dict[str, Any]:
    return {_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _object(required: Sequence[str] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


def _list_of(schema: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}}


_TEXT: dict[str, Any] = {"type": "string"}
_TEXT_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}
_ANY_OBJECT: dict[str, Any] = {"type": "object"}
_OBJECT_OR_NULL: dict[str, Any] = {"type": ["object", "null"]}
_DATATYPE = {"type": "string", "enum": list(DATATYPES)}
_SHAPE = {"type": "array", "items": {"type": "integer", "minimum": 0}}
_TENSOR = {"name": _TEXT, "shape": _SHAPE, "datatype": _DATATYPE, "data": {"type": "array", "items": {}}}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "Error": _object(["error"], error=_TEXT),
    "ModelList": _object(["models"], models={"type": "array", "items": _TEXT}),
    "ModelReady": _object(["name", "ready"], name=_TEXT, ready={"type": "boolean"}),
    "ModelMetadata": _object(
        ["name", "versions", "platform", "inputs", "outputs"],
        name=_TEXT,
        versions={"type": ["array", "null"], "items": _TEXT},
        platform=_TEXT,
        inputs={"type": "array", "items": _ANY_OBJECT},
        outputs={"type": "array", "items": _ANY_OBJECT},
    ),
    "ServerMetadata": _object(
        ["name", "version", "extensions"], name=_TEXT, version=_TEXT, extensions={"type": "array", "items": _TEXT}
    ),
    "IndexedModel": _object(["name", "state", "reason"], name=_TEXT, state=_TEXT, reason=_TEXT),
    "Tensor": _object(["name", "shape", "datatype"], **_TENSOR, parameters=_ANY_OBJECT),
    "RequestedOutput": _object(["name"], name=_TEXT, parameters=_ANY_OBJECT),
    "InferenceRequest": _object(
        ["inputs"],
        id=_TEXT,
        parameters=_ANY_OBJECT,
        inputs={**_list_of("Tensor"), "minItems": 1},
        outputs=_list_of("RequestedOutput"),
    ),
    "OutputTensor": _object([*_TENSOR], **_TENSOR, parameters=_OBJECT_OR_NULL),
    "InferenceResponse": _object(
        ["model_name", "id", "outputs"],
        model_name=_TEXT,
        model_version=_TEXT_OR_NULL,
        id=_TEXT,
        parameters=_OBJECT_OR_NULL,
        outputs=_list_of("OutputTensor"),
    ),
}
_V2_BODY = {**_of("InferenceRequest"), **_BINARY}
_BODIES: dict[str, dict[str, Any]] = {
    "predict": {_JSON: {"schema": _ANY_OBJECT}},
    "explain": {_JSON: {"schema": _ANY_OBJECT}},
    "infer": _V2_BODY,
    "infer_version": _V2_BODY,
    "index": {_JSON: {"schema": _object(ready={"type": "boolean"})}},
}
_V2_ANSWER = {**_of("InferenceResponse"), **_BINARY}
_ANSWERS: dict[str, dict[str, Any]] = {
    "predict": {_JSON: {"schema": {}}, "application/octet-stream": _BINARY["application/octet-stream"]},
    "explain": {_JSON: {"schema": {}}},
    "infer": _V2_ANSWER,
    "infer_version": _V2_ANSWER,
    "metrics": {"text/plain": {"schema": _TEXT}},
    "list_models": _of("ModelList"),
    "list_models_v2": _of("ModelList"),
    "model_ready": _of("ModelReady"),
    "model_ready_v2": _of("ModelReady"),
    "version_ready": _of("ModelReady"),
    "model_metadata": _of("ModelMetadata"),
    "version_metadata": _of("ModelMetadata"),
    "server_metadata": _of("ServerMetadata"),
    "index": {_JSON: {"schema": _list_of("IndexedModel")}},
}
