"""The REST edge: the prediction routes as one thin ASGI layer, everything else from FastAPI behind it.

A prediction passes no router, no middleware and no validation layer: its path is split here, its body decoded by
`modelapi.codec`, its errors turned into `{"error": ...}` by the table below. `server.routes` has the other routes and
describes these ones for the OpenAPI document.
"""

import inspect
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from modelapi import errors
from modelapi.codec import cloudevents, v1, v2_binary, v2_json
from modelapi.dataplane import DataPlane, check_version
from modelapi.errors import InvalidInput, ModelApiError
from modelapi.model import InferenceVerb, Outcome, Timings
from modelapi.results import fitting, new_id, v1_answer, v2_answer
from modelapi.server import http
from modelapi.types import InferRequest, InferResponse

logger = logging.getLogger(__name__)

STATUSES: dict[type[BaseException], int] = {
    errors.InvalidInput: 400,
    errors.OutputUnavailable: 400,
    errors.BodyTooLarge: 413,
    errors.ModelNotFound: 404,
    errors.ModelNotReady: 503,
    errors.ServerNotReady: 503,
    errors.ServerNotLive: 503,
    errors.Overloaded: 503,
    errors.DeadlineExceeded: 504,
    errors.UnsupportedProtocol: 501,
    errors.Unsupported: 501,
    errors.InferenceError: 500,
    errors.NoModelReady: 503,
    errors.ModelMissingError: 500,
    errors.AddressTaken: 500,
    errors.WorkersFailed: 500,
    errors.WorkersShouldBeLessThanMaxWorkersError: 500,
    errors.PredictorNotConfigured: 501,
    errors.PredictorUnavailable: 503,
    errors.PredictorTimeout: 504,
    errors.PredictorRejected: 400,
    errors.PredictorFailed: 502,
    NotImplementedError: 501,
}
# Headers of an upstream answer that describe a body or a connection which is not ours.
NOT_COPIED = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "inference-header-content-length",
        "keep-alive",
        "server",
        "set-cookie",
        "transfer-encoding",
    }
)
# A form is what curl calls any body that it is not told the type of; nobody sends forms to a model.
_JSON_TYPES = frozenset(
    {
        "",
        "application/json",
        "application/ld+json",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        cloudevents.STRUCTURED_TYPE,
    }
)
_LENGTH_HEADER = "inference-header-content-length"
clock = time.perf_counter


def status_of(error: BaseException) -> int:
    """The HTTP status of an error: its own, that of the nearest class above it, or 500."""
    if isinstance(error, errors.PredictorRejected):
        return error.status
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def error_body(error: BaseException) -> bytes:
    """KServe's error shape; an error that nobody foresaw is named by its type."""
    known = isinstance(error, ModelApiError | NotImplementedError)
    text = str(error) if known else f"{type(error).__name__} : {error}"
    return orjson.dumps({"error": text})


@dataclass
class Exchange:
    """One prediction over HTTP."""

    model_name: str
    version: str | None
    headers: dict[str, str]
    receive: http.Receive
    send: http.Send
    request_id: str
    streaming: bool = False  # an answer has begun: an error can only break it off


class RestApplication:
    """The ASGI application.

    Args:
        plane: the data plane.
        others: the application for every path that is no prediction.
        max_body_bytes: larger bodies are answered 413.
        events: what answers to CloudEvents say.
    """

    def __init__(
        self,
        plane: DataPlane,
        others: Any,
        max_body_bytes: int,
        events: cloudevents.Settings,
    ) -> None:
        self._plane = plane
        self._others = others
        self._max_body_bytes = max_body_bytes
        self._events = events

    async def __call__(self, scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        handler = self._predict_handler(scope) if scope["type"] == "http" and scope["method"] == "POST" else None
        if handler is None:
            await self._others(scope, receive, send)
            return
        act, model_name, version = handler
        headers = http.headers_of(scope)
        request_id = headers.get("x-request-id")
        if not request_id:
            request_id = headers["x-request-id"] = new_id()
        exchange = Exchange(model_name, version, headers, receive, send, request_id)
        try:
            await act(exchange)
        except http.Disconnected:
            logger.info("the caller of %s went away before its request was complete", model_name)
        except ModelApiError as exc:
            self._plane.lines.flush()
            logger.log(_level(exc), "%s (request %s)", exc, request_id)
            await _fail(exchange, exc)
        except Exception as exc:  # the server's edge: whatever a handler raises is an answer
            self._plane.lines.flush()
            logger.exception("model %s failed (request %s)", model_name, request_id)
            await _fail(exchange, exc)

    def _predict_handler(
        self, scope: http.Scope
    ) -> tuple[Callable[[Exchange], Awaitable[None]], str, str | None] | None:
        """Which handler a path is for, the model's name and version; None if it is no prediction."""
        path: str = scope["path"]
        if path.startswith("/v2/models/") and path.endswith("/infer"):
            name, versioned, version = path[11:-6].partition("/versions/")
            if name and "/" not in name and "/" not in version:
                return self._v2_infer, name, version if versioned else None
        elif path.startswith("/v1/models/"):
            name, _, verb = path[11:].rpartition(":")
            if name and "/" not in name and verb in ("predict", "explain"):
                return (self._v1_predict if verb == "predict" else self._v1_explain), name, None
        return None

    async def _v1_predict(self, exchange: Exchange) -> None:
        await self._v1(exchange, InferenceVerb.PREDICT)

    async def _v1_explain(self, exchange: Exchange) -> None:
        await self._v1(exchange, InferenceVerb.EXPLAIN)

    async def _v1(self, exchange: Exchange, verb: InferenceVerb) -> None:
        self._plane.get_model_from_registry(exchange.model_name)
        body = await http.read_body(exchange.receive, exchange.headers, self._max_body_bytes)
        began = clock()
        payload, event = decode_v1(body, exchange.headers)
        decoded = clock() - began
        outcome = await self._plane.infer(exchange.model_name, payload, exchange.headers, verb)
        outcome.timings.decode = decoded
        if inspect.isasyncgen(outcome.result):
            exchange.streaming = True
            with self._plane.working():
                await http.stream(exchange.send, _answer_headers(exchange, outcome), outcome.result)
            return
        began = clock()
        if event is None:
            kind, content = _v1_content(outcome.result)
            own = [kind]
        else:
            content, told = cloudevents.answer(v1_answer(outcome.result), event, exchange.model_name, self._events)
            own = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in told.items()]
        outcome.timings.encode = clock() - began
        await http.answer(exchange.send, 200, _answer_headers(exchange, outcome) + own, (content,))

    async def _v2_infer(self, exchange: Exchange) -> None:
        check_version(self._plane.get_model_from_registry(exchange.model_name), exchange.version)
        body = await http.read_body(exchange.receive, exchange.headers, self._max_body_bytes)
        began = clock()
        request = decode_v2(body, exchange.headers, exchange.model_name)
        request.model_version = exchange.version
        decoded = clock() - began
        outcome = await self._plane.infer(exchange.model_name, request, exchange.headers)
        outcome.timings.decode = decoded
        began = clock()
        own, chunks = _v2_content(v2_answer(outcome.result, request, exchange.model_name))
        outcome.timings.encode = clock() - began
        await http.answer(exchange.send, 200, _answer_headers(exchange, outcome) + own, chunks)


def decode_v1(body: bytes, headers: dict[str, str]) -> tuple[Any, cloudevents.Event | None]:
    """A V1 payload, and the CloudEvent that it came in: JSON as its value, any other content type as it is."""
    kind = http.media_type(headers)
    event = cloudevents.from_headers(headers)
    if kind not in _JSON_TYPES:
        return body, event
    payload = v1.decode(body)
    if event is None and isinstance(payload, dict) and "specversion" in payload:
        event, payload = cloudevents.from_body(payload, kind)
    return payload, event


def decode_v2(body: bytes, headers: dict[str, str], model_name: str) -> InferRequest:
    """A V2 body: with the length header it has a binary part, without it is JSON (whatever a client calls its type)."""
    if _LENGTH_HEADER in headers:
        return v2_binary.decode_request(body, http.int_header(headers, _LENGTH_HEADER, 0), model_name)
    if http.media_type(headers) == "application/octet-stream":
        raise InvalidInput(f"received byte inputs, but the '{_LENGTH_HEADER}' header is missing.")
    return v2_json.decode_request(body, model_name)


def server_timing(timings: Timings) -> bytes:
    """The Server-Timing header (W3C): each step in milliseconds, in the order in which they were taken."""
    step = "explain" if timings.explain else "predict"
    middle = timings.explain or timings.predict
    return (
        f"decode;dur={timings.decode * 1000:.3f}, preprocess;dur={timings.preprocess * 1000:.3f}, "
        f"{step};dur={middle * 1000:.3f}, postprocess;dur={timings.postprocess * 1000:.3f}, "
        f"encode;dur={timings.encode * 1000:.3f}"
    ).encode()


def _v1_content(result: Any) -> tuple[tuple[bytes, bytes], bytes]:
    """A V1 result as body, with its content type: bytes and text go out as they are."""
    if isinstance(result, bytes):
        return http.OCTETS, result
    if isinstance(result, str):
        return http.JSON, result.encode()
    return http.JSON, v1.encode(v1_answer(result))


def _v2_content(response: InferResponse) -> tuple[http.RawHeaders, tuple[http.Chunk, ...]]:
    """A V2 response as body in pieces, with the headers that describe it."""
    if not v2_binary.wants_binary(response):
        return [http.JSON], (fitting(v2_json.encode_response, response),)
    encoded = fitting(v2_binary.encode_response, response)
    return [http.OCTETS, (_LENGTH_HEADER.encode(), str(encoded.json_length).encode())], encoded.chunks


def _answer_headers(exchange: Exchange, outcome: Outcome) -> http.RawHeaders:
    headers = [
        (b"x-request-id", exchange.request_id.encode("latin-1")),
        (b"server-timing", server_timing(outcome.timings)),
    ]
    for name, value in outcome.response_headers.items():
        if name.lower() not in NOT_COPIED:
            headers.append((name.lower().encode("latin-1"), str(value).encode("latin-1", "replace")))
    return headers


async def _fail(exchange: Exchange, error: BaseException) -> None:
    if exchange.streaming:
        raise error
    headers = [http.JSON, (b"x-request-id", exchange.request_id.encode("latin-1"))]
    await http.answer(exchange.send, status_of(error), headers, (error_body(error),))


def _level(error: ModelApiError) -> int:
    """A caller's mistake is no news for the operator; what is ours or the predictor's is."""
    return logging.INFO if status_of(error) < 500 else logging.ERROR
