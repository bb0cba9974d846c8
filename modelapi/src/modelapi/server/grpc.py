"""The gRPC edge: `inference.GRPCInferenceService` over the data plane, with one table of status codes.

The service is registered method by method instead of through generated code: the generated stubs would load a second
time what `codec.v2_grpc` has loaded. `server.grpc_services` adds health and reflection.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from modelapi import errors
from modelapi.codec import v2_grpc
from modelapi.context import set_deadline
from modelapi.dataplane import DataPlane, check_version, versions_of
from modelapi.errors import InferenceError, InvalidInput, ModelApiError
from modelapi.model import Timings
from modelapi.results import fitting, new_id, v2_answer
from modelapi.server.rest import clock, server_timing
from modelapi.types import InferRequest

logger = logging.getLogger(__name__)
Code = grpc.StatusCode
Context = Any  # grpc.aio.ServicerContext, generic in two messages that nobody here needs

STATUSES: dict[type[BaseException], grpc.StatusCode] = {
    errors.InvalidInput: Code.INVALID_ARGUMENT,
    errors.OutputUnavailable: Code.INVALID_ARGUMENT,
    errors.BodyTooLarge: Code.RESOURCE_EXHAUSTED,
    errors.ModelNotFound: Code.NOT_FOUND,
    errors.ModelNotReady: Code.UNAVAILABLE,
    errors.ServerNotReady: Code.UNAVAILABLE,
    errors.ServerNotLive: Code.UNAVAILABLE,
    errors.Overloaded: Code.RESOURCE_EXHAUSTED,
    errors.DeadlineExceeded: Code.DEADLINE_EXCEEDED,
    errors.UnsupportedProtocol: Code.INVALID_ARGUMENT,
    errors.Unsupported: Code.UNIMPLEMENTED,
    errors.InferenceError: Code.INTERNAL,
    errors.NoModelReady: Code.UNAVAILABLE,
    errors.ModelMissingError: Code.INTERNAL,
    errors.AddressTaken: Code.INTERNAL,
    errors.WorkersFailed: Code.INTERNAL,
    errors.WorkersShouldBeLessThanMaxWorkersError: Code.INTERNAL,
    errors.PredictorNotConfigured: Code.UNIMPLEMENTED,
    errors.PredictorUnavailable: Code.UNAVAILABLE,
    errors.PredictorTimeout: Code.DEADLINE_EXCEEDED,
    errors.PredictorRejected: Code.INVALID_ARGUMENT,
    errors.PredictorFailed: Code.INTERNAL,
    NotImplementedError: Code.UNIMPLEMENTED,
}
# What a predictor refused with, in the words of gRPC; whatever is not here is the caller's argument.
_REJECTIONS = {
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    408: Code.DEADLINE_EXCEEDED,
    409: Code.ABORTED,
    413: Code.RESOURCE_EXHAUSTED,
    429: Code.RESOURCE_EXHAUSTED,
}
_LONGEST_DETAILS = 4096  # they travel in a header


def status_of(error: BaseException) -> grpc.StatusCode:
    """The gRPC status of an error: its own, that of the nearest class above it, or INTERNAL."""
    if isinstance(error, errors.PredictorRejected):
        return _REJECTIONS.get(error.status, Code.INVALID_ARGUMENT)
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), Code.INTERNAL)


def details_of(error: BaseException) -> str:
    """What the caller reads; an error that nobody foresaw is named by its type."""
    known = isinstance(error, ModelApiError | NotImplementedError)
    return (str(error) if known else f"{type(error).__name__} : {error}")[:_LONGEST_DETAILS]


class InferenceService:
    """The methods of the service; each takes a message and gives one, ModelInfer its serialised form."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane

    def handler(self) -> Any:
        """What a grpc server registers."""
        messages = v2_grpc.messages
        methods = {
            "ServerLive": (self.server_live, messages.ServerLiveRequest),
            "ServerReady": (self.server_ready, messages.ServerReadyRequest),
            "ServerMetadata": (self.server_metadata, messages.ServerMetadataRequest),
            "ModelReady": (self.model_ready, messages.ModelReadyRequest),
            "ModelMetadata": (self.model_metadata, messages.ModelMetadataRequest),
            "ModelInfer": (self.model_infer, messages.ModelInferRequest),
            "RepositoryIndex": (self.index, messages.RepositoryIndexRequest),
            "RepositoryModelLoad": (self.load, messages.RepositoryModelLoadRequest),
            "RepositoryModelUnload": (self.unload, messages.RepositoryModelUnloadRequest),
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(_edge(method, request), None, _serialized)
            for name, (method, request) in methods.items()
        }
        return grpc.method_handlers_generic_handler(v2_grpc.SERVICE, handlers)

    async def server_live(self, _request: Any, _context: Context) -> Any:
        return v2_grpc.messages.ServerLiveResponse(live=True)

    async def server_ready(self, _request: Any, _context: Context) -> Any:
        return v2_grpc.messages.ServerReadyResponse(ready=await self._plane.ready())

    async def server_metadata(self, _request: Any, _context: Context) -> Any:
        return v2_grpc.messages.ServerMetadataResponse(**self._plane.metadata())

    async def model_ready(self, request: Any, _context: Context) -> Any:
        ready = await self._plane.model_ready(request.name, request.version or None)
        return v2_grpc.messages.ModelReadyResponse(ready=ready)

    async def model_metadata(self, request: Any, _context: Context) -> Any:
        found = await self._plane.model_metadata(request.name, request.version or None)
        return v2_grpc.messages.ModelMetadataResponse(
            name=found["name"],
            versions=found["versions"] or (),
            platform=found["platform"],
            inputs=[_tensor_metadata(tensor) for tensor in found["inputs"]],
            outputs=[_tensor_metadata(tensor) for tensor in found["outputs"]],
        )

    async def model_infer(self, message: Any, context: Context) -> Any:
        name = message.model_name
        model = self._plane.get_model_from_registry(name)
        if versions_of(model):
            check_version(model, message.model_version)
        headers = headers_of(context)
        set_deadline(context.time_remaining())
        began = clock()
        request = v2_grpc.decode_request(message)
        decoded = clock() - began
        outcome = await self._plane.infer(name, request, headers)
        began = clock()
        answer = _answer(outcome.result, request, name, raw=bool(message.raw_input_contents)).SerializeToString()
        outcome.timings.decode, outcome.timings.encode = decoded, clock() - began
        context.set_trailing_metadata(_trailer(headers, outcome.timings))
        return answer

    async def index(self, request: Any, _context: Context) -> Any:
        response = v2_grpc.messages.RepositoryIndexResponse()
        for entry in await self._plane.index(request.ready):
            response.models.add(**entry)
        return response

    async def load(self, request: Any, _context: Context) -> Any:
        await self._plane.load(request.model_name)
        return v2_grpc.messages.RepositoryModelLoadResponse()

    async def unload(self, request: Any, _context: Context) -> Any:
        await self._plane.unload(request.model_name)
        return v2_grpc.messages.RepositoryModelUnloadResponse()


def _answer(result: Any, request: InferRequest, model_name: str, raw: bool) -> Any:
    """The message of a handler's result."""
    if inspect.isasyncgen(result):
        raise InferenceError(f"Model {model_name} answered with a stream: gRPC ModelInfer has one answer.")
    if isinstance(result, v2_grpc.ModelInferResponse):
        return result
    return fitting(partial(v2_grpc.encode_response, raw=raw), v2_answer(result, request, model_name))


def _serialized(answer: Any) -> bytes:
    """ModelInfer serialises its answer itself, to say how long that took."""
    body: bytes = answer if isinstance(answer, bytes) else answer.SerializeToString()
    return body


def headers_of(context: Context) -> dict[str, str]:
    """The call's metadata as handlers see it, with a request id in any case."""
    headers: dict[str, str] = dict(context.invocation_metadata() or ())
    if not headers.get("x-request-id"):
        headers["x-request-id"] = new_id()
    return headers


def _trailer(headers: dict[str, str], timings: Timings) -> tuple[tuple[str, str], ...]:
    return ("x-request-id", headers["x-request-id"]), ("server-timing", server_timing(timings).decode())


def _tensor_metadata(tensor: dict[str, Any]) -> Any:
    return v2_grpc.messages.ModelMetadataResponse.TensorMetadata(
        name=tensor["name"], datatype=tensor["datatype"], shape=tensor["shape"]
    )


def _edge(method: Callable[[Any, Context], Awaitable[Any]], kind: Any) -> Callable[[bytes, Context], Awaitable[Any]]:
    """The method with its errors as statuses; a message that is none of its kind is an error, too."""

    async def call(body: bytes, context: Context) -> Any:
        try:
            return await method(_message(kind, body), context)
        except ModelApiError as exc:
            logger.log(_level(exc), "%s: %s", method.__name__, exc)
            failure: Exception = exc
        except Exception as exc:  # the server's edge: whatever a handler raises is an answer
            logger.exception("%s failed", method.__name__)
            failure = exc
        return await context.abort(status_of(failure), details_of(failure))

    return call


def _message(kind: Any, body: bytes) -> Any:
    try:
        return kind.FromString(body)
    except DecodeError as exc:
        raise InvalidInput(f"The request is no {kind.DESCRIPTOR.full_name}.") from exc


def _level(error: ModelApiError) -> int:
    """A caller's mistake is no news for the operator; what is ours or the predictor's is."""
    theirs = (Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.UNIMPLEMENTED, Code.RESOURCE_EXHAUSTED)
    return logging.INFO if status_of(error) in theirs else logging.ERROR
