"""`kserve.protocol.dataplane`: the steps behind KServe's routes, for programs that call them themselves.

The server does not come this way: it asks `modelapi.dataplane` and the codecs.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelapi import dataplane
from modelapi.codec import cloudevents, v1, v2_binary
from modelapi.config import PredictorConfig, PredictorProtocol
from modelapi.constants import INFERENCE_CONTENT_LENGTH_HEADER
from modelapi.context import get_predictor_config
from modelapi.errors import InvalidInput, ModelNotReady
from modelapi.model import BaseKServeModel, InferenceVerb
from modelapi.model_repository import ModelRepository
from modelapi.types import InferRequest, InferResponse
from modelapi.utils.utils import create_response_cloudevent, is_structured_cloudevent

if TYPE_CHECKING:
    from modelapi.inference_client import InferenceGRPCClient, InferenceRESTClient

Headers = dict[str, str]
_JSON_TYPES = ("application/json", "application/ld+json", "application/octet-stream", cloudevents.STRUCTURED_TYPE)


class DataPlane:
    """Models by name: what they are, whether they are ready, and their steps on a payload."""

    def __init__(self, model_registry: ModelRepository) -> None:
        self._registry = model_registry
        self._plane = dataplane.DataPlane(model_registry)
        self._rest_client: InferenceRESTClient | None = None
        self._grpc_client: InferenceGRPCClient | None = None

    @property
    def model_registry(self) -> ModelRepository:
        return self._registry

    @property
    def predictor_config(self) -> PredictorConfig | None:
        """What `modelapi.context` has."""
        return get_predictor_config()

    @property
    def rest_client(self) -> "InferenceRESTClient | None":
        """A client with the predictor's settings, made once; None without a predictor. Whoever asks closes it."""
        config = self.predictor_config
        if self._rest_client is None and config is not None:
            from modelapi.inference_client import InferenceRESTClient, RESTConfig

            protocol = "v2" if config.protocol == "v2" else "v1"
            settings = RESTConfig(protocol=protocol, timeout=config.timeout, retries=config.retries)
            self._rest_client = InferenceRESTClient(settings)
        return self._rest_client

    @property
    def grpc_client(self) -> "InferenceGRPCClient | None":
        """A client of the predictor, made once; None without a predictor. Whoever asks closes it."""
        config = self.predictor_config
        if self._grpc_client is None and config is not None:
            from modelapi.inference_client import InferenceGRPCClient

            self._grpc_client = InferenceGRPCClient(
                config.predictor_host, use_ssl=config.use_ssl, timeout=config.timeout, retries=config.retries
            )
        return self._grpc_client

    def get_model_from_registry(self, name: str) -> BaseKServeModel:
        """The model of this name; ModelNotFound if there is none."""
        return self._plane.get_model_from_registry(name)

    async def get_model(self, name: str) -> BaseKServeModel:
        """The model of this name, loaded if it was not; ModelNotReady if that does not make it ready."""
        model = self.get_model_from_registry(name)
        if not await self._registry.is_model_ready(name):
            await self._plane.load(name)
            if not await self._registry.is_model_ready(name):
                raise ModelNotReady(name)
        return model

    @staticmethod
    def live() -> dict[str, str]:
        return {"status": "alive"}

    def metadata(self) -> dict[str, Any]:
        """The server's metadata (V2)."""
        return self._plane.metadata()

    async def model_metadata(self, model_name: str) -> dict[str, Any]:
        """A model's metadata (V2)."""
        return await self._plane.model_metadata(model_name)

    async def ready(self) -> bool:
        """Whether every model is ready."""
        return await self._plane.ready()

    async def model_ready(self, model_name: str, disable_predictor_health_check: bool = False) -> bool:
        """Whether a model is ready; with its predictor where its configuration says so, unless that is disabled."""
        self.get_model_from_registry(model_name)
        if disable_predictor_health_check:
            return await self._registry.is_model_ready(model_name)
        return await self._plane.model_ready(model_name)

    def decode(
        self,
        body: Any,
        headers: Mapping[str, str] | None,
        protocol_version: str = PredictorProtocol.REST_V1.value,
        model_name: str | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """The payload of a body, and the attributes of the CloudEvent that it came in.

        Raises:
            InvalidInput: the body is no JSON, or no inference request.
        """
        headers = headers or {}
        if isinstance(body, InferRequest):
            return body, {}
        if hasattr(body, "model_dump") or (isinstance(body, bytes) and protocol_version.lower() == "v2"):
            return self.decode_inference_request(body, headers, model_name or ""), {}
        event = cloudevents.from_headers(headers)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if event is None and kind and kind not in _JSON_TYPES:
            return body, {}
        payload = v1.decode(body) if isinstance(body, bytes) else body
        if event is not None:
            return payload, dict(event.attributes)
        return self.decode_cloudevent(payload)

    def decode_cloudevent(self, body: Any) -> tuple[Any, dict[str, Any]]:
        """The payload that a structured CloudEvent wraps, and its attributes; any other body as it is."""
        if not isinstance(body, dict) or not is_structured_cloudevent(body):
            return body, {}
        return body["data"], {name: value for name, value in body.items() if name != "data"}

    def decode_inference_request(self, body: Any, headers: Mapping[str, str], model_name: str) -> InferRequest:
        """An inference request (V2), of the bytes of a binary body or of a decoded JSON one."""
        if not isinstance(body, bytes):
            return InferRequest.from_inference_request(body, model_name)
        length = headers.get(INFERENCE_CONTENT_LENGTH_HEADER)
        if length is None:
            raise InvalidInput(f"received byte inputs, but the '{INFERENCE_CONTENT_LENGTH_HEADER}' header is missing.")
        if not length.isdecimal():
            raise InvalidInput(f"header {INFERENCE_CONTENT_LENGTH_HEADER}: {length!r} is no number of bytes.")
        return v2_binary.decode_request(body, int(length), model_name)

    def encode(
        self, model_name: str, response: Any, headers: Mapping[str, str] | None, req_attributes: dict[str, Any]
    ) -> tuple[Any, Headers]:
        """An answer's body and headers: a CloudEvent if the request was one."""
        own: Headers = {}
        headers = headers or {}
        if isinstance(response, InferResponse):
            response, length = response.to_rest()
            own = {} if length is None else {INFERENCE_CONTENT_LENGTH_HEADER: str(length)}
        binary = cloudevents.from_headers(headers) is not None
        if binary or headers.get("content-type") == cloudevents.STRUCTURED_TYPE:
            own, response = create_response_cloudevent(model_name, response, req_attributes, binary)
        return response, own

    async def infer(self, model_name: str, request: Any, headers: Headers | None = None) -> tuple[Any, Headers]:
        """A model's answer to a decoded payload, and the headers that it answers with."""
        return await self._run(model_name, request, headers, InferenceVerb.PREDICT)

    async def explain(self, model_name: str, request: Any, headers: Headers | None = None) -> tuple[Any, Headers]:
        """A model's explanation for a decoded payload, and the headers that it answers with."""
        return await self._run(model_name, request, headers, InferenceVerb.EXPLAIN)

    async def _run(
        self, model_name: str, request: Any, headers: Headers | None, verb: InferenceVerb
    ) -> tuple[Any, Headers]:
        await self.get_model(model_name)
        outcome = await self._plane.infer(model_name, request, {} if headers is None else headers, verb)
        return outcome.result, outcome.response_headers
