"""The Model that is served: rows in, predictions out, in V1 and in V2."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from estimators import Estimator, Rows

from modelapi import InferOutput, InferRequest, InferResponse, Model
from modelapi.codec.datatypes import from_numpy_dtype
from modelapi.errors import InferenceError, InvalidInput


class PredictiveModel(Model):
    def __init__(self, name: str, estimator: Estimator) -> None:
        super().__init__(name)
        self._estimator = estimator
        self.ready = True

    async def predict(
        self, payload: Any, headers: dict[str, str] | None = None, response_headers: dict[str, str] | None = None
    ) -> dict[str, Any] | InferResponse:
        """V1 `{"instances": [[...], ...]}` -> `{"predictions": [...]}`; InferRequest -> `output-0`.

        Raises InvalidInput for rows that are no numbers or not of the model's width.
        """
        result = await asyncio.to_thread(self._predict, _rows(payload))
        if not isinstance(payload, InferRequest):
            return {"predictions": result.tolist()}
        output = InferOutput("output-0", list(result.shape), from_numpy_dtype(result.dtype), data=result)
        return InferResponse(response_id=payload.id, model_name=self.name, infer_outputs=[output])

    def _predict(self, rows: Rows) -> Rows:
        try:
            return self._estimator(rows)
        except ValueError as exc:
            raise InvalidInput(str(exc)) from exc
        except Exception as exc:  # whatever a user's pipeline raises is the inference's failure
            raise InferenceError(str(exc)) from exc


def _rows(payload: Any) -> Rows:
    if isinstance(payload, InferRequest):
        return _columns([tensor.as_numpy() for tensor in payload.inputs])
    instances = payload.get("instances") if isinstance(payload, dict) else None
    if not isinstance(instances, list) or not instances:
        raise InvalidInput('expected a JSON object with "instances": [[...], ...]')
    try:
        return np.asarray(instances)
    except ValueError as exc:
        raise InvalidInput(f"the instances are not of one length: {exc}") from exc


def _columns(tensors: list[Rows]) -> Rows:
    """One tensor is the rows; of several, each is a column, or a group of them."""
    if not tensors:
        raise InvalidInput("a request has one input or more")
    if len(tensors) == 1:
        return tensors[0]
    try:
        return np.column_stack(tensors)
    except ValueError as exc:
        raise InvalidInput(f"the inputs are not of one length: {exc}") from exc
