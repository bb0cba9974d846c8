"""An application with a few models, called without a socket."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from modelapi import InferInput, InferOutput, InferRequest, InferResponse, Model, ModelRepository, errors
from modelapi.config import ServerConfig
from modelapi.dataplane import DataPlane
from modelapi.server.run import Servers


class Echo(Model):
    """Gives back what it got, in the protocol it got it in."""

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        if not isinstance(payload, InferRequest):
            return {"predictions": payload["instances"]} if isinstance(payload, dict) else payload
        return InferResponse(None, self.name, [_output(tensor) for tensor in payload.inputs])

    async def explain(self, payload: Any, headers: Any = None) -> Any:
        return {"explanations": payload}


def _output(tensor: InferInput) -> InferOutput:
    return InferOutput(tensor.name, tensor.shape, tensor.datatype, tensor.as_numpy())


class Failing(Model):
    """Raises what it was made with."""

    def __init__(self, name: str, error: Exception) -> None:
        super().__init__(name)
        self.error = error

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        raise self.error


class Streaming(Model):
    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        async def pieces() -> AsyncIterator[str]:
            yield "a"
            yield "b"

        return pieces()


class Breaking(Model):
    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        async def pieces() -> AsyncIterator[str]:
            yield "a"
            raise RuntimeError("in the middle")

        return pieces()


class Patient(Model):
    """Takes any payload."""

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        return {"predictions": [type(payload).__name__]}

    explain = predict


class Misfit(Model):
    """Promises another shape than it gives."""

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        return InferResponse(None, self.name, [InferOutput("y", [3], "FP32", [1.0, 2.0])])


class Chatty(Model):
    """Answers with headers, some of which belong to another body."""

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        response_headers.update(
            {
                "x-model": "7",
                "content-encoding": "gzip",
                "inference-header-content-length": "9",
                "Content-Length": "1",
                "date": "then",
                "server": "theirs",
            }
        )
        return {"predictions": []}


def models() -> list[Model]:
    versioned = Echo("versioned")
    versioned.versions = ["1"]  # type: ignore[attr-defined]
    return [
        Echo("echo"),
        Patient("patient"),
        Misfit("misfit"),
        versioned,
        Failing("bug", KeyError("instances")),
        Failing("refused", errors.PredictorRejected(429, "slow down")),
        Failing("down", errors.PredictorUnavailable("predictor h:1: connection refused")),
        Failing("late", errors.PredictorTimeout("predictor h:1 did not answer within 1 s")),
        Streaming("stream"),
        Breaking("breaking"),
        Chatty("chatty", return_response_headers=True),
        Model("hopless"),
    ]


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        return orjson.loads(self.body)


class Client:
    """Calls an ASGI application; needs no socket. Names of headers are written with underscores."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        """POST JSON, or bytes as they are."""
        return await self.call("POST", path, body if isinstance(body, bytes) else orjson.dumps(body), **headers)

    async def call(self, method: str, path: str, *bodies: bytes, **headers: str) -> Answer:
        """One request, its body in as many pieces as are given."""
        answer = Answer()
        pieces = list(bodies) or [b""]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": b"",
            "http_version": "1.1",
            "client": ("127.0.0.1", 5),
            "server": ("127.0.0.1", 80),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }

        async def receive() -> dict[str, Any]:
            if not pieces:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        await self.application(scope, receive, send)
        return answer


@pytest.fixture
def plane() -> DataPlane:
    repository = ModelRepository()
    for model in models():
        model.load()
        repository.update(model)
    absent = Model("absent")
    repository.update(absent)
    return DataPlane(repository)


@pytest.fixture
def client(plane: DataPlane) -> Client:
    return Client(Servers(ServerConfig(max_body_bytes=2000), plane).application)
