"""The hop over V2 REST, with tensors as JSON or in the binary extension.

With the encoding `auto` the predictor is asked once what it can do (`GET /v2`): binary if its extensions name
`binary_tensor_data`, else JSON. A predictor that could not be reached is asked again: another may have taken its place.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from modelapi.codec import v2_binary, v2_json
from modelapi.config import PredictorConfig
from modelapi.errors import (
    InvalidInput,
    PredictorError,
    PredictorFailed,
    PredictorRejected,
    PredictorUnavailable,
    Unsupported,
)
from modelapi.predictors.dial import Chunks
from modelapi.predictors.headers import JSON_LENGTH, forwarded, returned
from modelapi.predictors.http import Answer, HttpClient
from modelapi.predictors.payload import for_v2
from modelapi.predictors.retry import READY_SECONDS
from modelapi.types import InferRequest, InferResponse

BINARY_EXTENSION = "binary_tensor_data"

_JSON_HEADERS = {"content-type": "application/json"}


class RestV2Predictor:
    """POSTs to `/v2/models/<name>/infer`; answers are InferResponse, their tensors views of the body."""

    def __init__(self, config: PredictorConfig) -> None:
        self._http = HttpClient(config)
        self._fixed = None if config.encoding == "auto" else config.encoding == "binary"
        self._binary = self._fixed
        self._asking = asyncio.Lock()  # the first requests come together, and one question is enough

    async def predict(
        self,
        payload: Any,
        model_name: str,
        headers: Mapping[str, str],
        response_headers: dict[str, str] | None = None,
    ) -> InferResponse:
        """The predictor's answer; `response_headers`, if given, takes the headers that came with it.

        Raises:
            InvalidInput: the payload has no form on this wire.
            PredictorError: one of its leaves.
        """
        request = for_v2(payload, model_name)
        try:
            answer = await self._post(request, model_name, forwarded(headers))
        except PredictorUnavailable:
            self._binary = self._fixed
            raise
        if response_headers is not None:
            response_headers.update(returned(answer.headers.items()))
        try:
            return _decode(answer)
        except (InvalidInput, ValueError) as exc:
            raise PredictorFailed(
                f"The predictor at {self._http.authority} answered with no V2 inference response: {exc}"
            ) from exc

    async def explain(self, payload: Any, model_name: str, headers: Mapping[str, str]) -> Any:
        """V2 has no explanations."""
        raise Unsupported("The V2 protocol has no explain: choose the predictor protocol v1 for an explainer.")

    async def ready(self, model_name: str) -> bool:
        """Whether the predictor says that the model is ready; no answer is a no."""
        try:
            await self._http.get(f"/v2/models/{quote(model_name, safe='')}/ready", READY_SECONDS)
        except PredictorError:
            return False
        return True

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _post(self, request: InferRequest, model_name: str, headers: dict[str, str]) -> Answer:
        if self._binary is None:
            await self._ask()
        chunks, own = _encode_binary(request) if self._binary else _encode_json(request)
        return await self._http.post(f"/v2/models/{quote(model_name, safe='')}/infer", chunks, {**own, **headers})

    async def _ask(self) -> None:
        async with self._asking:
            if self._binary is None:
                self._binary = await self._takes_binary()

    async def _takes_binary(self) -> bool:
        """Whether the predictor announces the binary extension; one that does not know the question does not."""
        try:
            metadata = v2_json.loads((await self._http.get("/v2")).body)
        except (InvalidInput, PredictorRejected):
            return False
        return BINARY_EXTENSION in (metadata.get("extensions") or ())


def _encode_json(request: InferRequest) -> tuple[Chunks, dict[str, str]]:
    return (v2_json.encode_request(request),), _JSON_HEADERS


def _encode_binary(request: InferRequest) -> tuple[Chunks, dict[str, str]]:
    encoded = v2_binary.encode_request(request)
    return encoded.chunks, {"content-type": "application/octet-stream", JSON_LENGTH: str(encoded.json_length)}


def _decode(answer: Answer) -> InferResponse:
    json_length = answer.headers.get(JSON_LENGTH)
    if json_length is None:
        return v2_json.decode_response(answer.body)
    return v2_binary.decode_response(answer.body, int(json_length))
