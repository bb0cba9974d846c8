"""The hop over V1 REST: JSON bodies of any shape, `{"instances": [...]}` by custom."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from modelapi.codec import v1
from modelapi.config import PredictorConfig
from modelapi.errors import InvalidInput, PredictorError, PredictorFailed
from modelapi.predictors.headers import forwarded, returned
from modelapi.predictors.http import HttpClient
from modelapi.predictors.payload import for_v1
from modelapi.predictors.retry import READY_SECONDS


class RestV1Predictor:
    """POSTs to `/v1/models/<name>:predict` and `:explain`; answers are the decoded JSON."""

    def __init__(self, config: PredictorConfig) -> None:
        self._http = HttpClient(config)

    async def predict(
        self,
        payload: Any,
        model_name: str,
        headers: Mapping[str, str],
        response_headers: dict[str, str] | None = None,
    ) -> Any:
        """The predictor's answer; `response_headers`, if given, takes the headers that came with it.

        Raises:
            InvalidInput: the payload has no form on this wire.
            PredictorError: one of its leaves.
        """
        return await self._call("predict", payload, model_name, headers, response_headers)

    async def explain(self, payload: Any, model_name: str, headers: Mapping[str, str]) -> Any:
        """The explainer's answer; errors as for `predict`."""
        return await self._call("explain", payload, model_name, headers, None)

    async def ready(self, model_name: str) -> bool:
        """Whether the predictor says that the model is ready; no answer is a no."""
        try:
            answer = await self._http.get(f"/v1/models/{quote(model_name, safe='')}", READY_SECONDS)
            return _says_ready(v1.decode(answer.body))
        except (PredictorError, InvalidInput):
            return False

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _call(
        self,
        verb: str,
        payload: Any,
        model_name: str,
        headers: Mapping[str, str],
        response_headers: dict[str, str] | None,
    ) -> Any:
        value = for_v1(payload)
        body = value if isinstance(value, bytes) else v1.encode(value)
        own = {"content-type": "application/json", **forwarded(headers)}
        answer = await self._http.post(f"/v1/models/{quote(model_name, safe='')}:{verb}", (body,), own)
        if response_headers is not None:
            response_headers.update(returned(answer.headers.items()))
        try:
            return v1.decode(answer.body)
        except InvalidInput as exc:
            raise PredictorFailed(f"The predictor at {self._http.authority} answered with no JSON.") from exc


def _says_ready(value: Any) -> bool:
    """`{"ready": true}`; some servers write the boolean as a string, TorchServe's own form has no such field."""
    said = value.get("ready", True) if isinstance(value, dict) else True
    return str(said).lower() == "true"
