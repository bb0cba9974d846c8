"""Routes and middleware of a user's own on the REST port, and the document that has them in it."""

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from modelapi import model_server
from modelapi.config import ServerConfig
from modelapi.dataplane import DataPlane
from modelapi.errors import InvalidInput
from modelapi.server.run import Servers

PREDICT = "/v1/models/echo:predict"


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


async def refuse(_request: Request) -> Response:
    raise InvalidInput("not like this")


@pytest.fixture
def with_routes(plane: DataPlane, client: Any) -> Any:
    routes = [Route("/hello", hello), Route("/refuse", refuse)]
    return type(client)(Servers(ServerConfig(), plane, routes).application)


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.get("/hello/{name}")
    async def greet(name: str) -> dict[str, str]:
        return {"hello": name}

    @app.get("/broken")
    async def broken() -> None:
        raise KeyError("x")

    return app


@pytest.fixture
def with_app(plane: DataPlane, client: Any, app: FastAPI) -> Any:
    return type(client)(Servers(ServerConfig(), plane, user_app=app).application)


async def test_routes_of_a_servers_own_are_served_beside_ours(with_routes: Any) -> None:
    assert (await with_routes.call("GET", "/hello")).body == b"hello"
    assert (await with_routes.call("GET", "/v2")).status == 200
    assert (await with_routes.post(PREDICT, {"instances": [1]})).json() == {"predictions": [1]}
    assert (await with_routes.call("GET", "/nothing")).json() == {"error": "Not Found"}


async def test_an_error_of_a_users_route_has_the_one_shape(with_routes: Any) -> None:
    answer = await with_routes.call("GET", "/refuse")
    assert (answer.status, answer.json()) == (400, {"error": "not like this"})
    answer = await with_routes.call("POST", "/hello")
    assert (answer.status, answer.json()) == (405, {"error": "Method Not Allowed"})


async def test_model_server_app_takes_routes_as_kserves_does(with_app: Any) -> None:
    assert (await with_app.call("GET", "/hello/you")).json() == {"hello": "you"}
    assert (await with_app.call("GET", "/v2/models/echo/ready")).json() == {"name": "echo", "ready": True}
    assert (await with_app.post(PREDICT, {"instances": [1]})).json() == {"predictions": [1]}


async def test_middleware_of_model_server_app_wraps_predictions_too(with_app: Any, app: FastAPI) -> None:
    app.add_middleware(CORSMiddleware, allow_origins=["*"])
    answer = await with_app.post(PREDICT, {"instances": [1]}, origin="http://page.example")
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_handler_for_errors_of_the_users_own_is_kept(plane: DataPlane, client: Any, app: FastAPI) -> None:
    async def teapot(_request: Request, _error: Exception) -> Response:
        return PlainTextResponse("short and stout", 418)

    app.add_exception_handler(KeyError, teapot)
    application = Servers(ServerConfig(), plane, user_app=app).application
    assert (await type(client)(application).call("GET", "/broken")).status == 418


async def test_the_document_has_the_users_routes_and_ours(with_app: Any) -> None:
    paths = (await with_app.call("GET", "/openapi.json")).json()["paths"]
    assert {"/hello/{name}", "/v2/models/{model_name}/infer"} <= set(paths)


def test_model_server_app_is_one_application() -> None:
    assert model_server.app is model_server.app
    assert isinstance(model_server.app, FastAPI)
