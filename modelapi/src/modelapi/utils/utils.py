"""`kserve.utils.utils`: what predictors written for KServe use to read payloads and to write answers.

The names are KServe's. What it asks of the cluster is answered here as in a process outside of one, until it is in one.
"""

import argparse
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelapi import cli
from modelapi.codec import cloudevents, datatypes
from modelapi.config import PredictorProtocol
from modelapi.errors import InvalidInput
from modelapi.types import InferOutput, InferRequest, InferResponse

_SECRETS = Path("/var/run/secrets/kubernetes.io")  # mounted into every pod
_EVENT = frozenset({"time", "type", "source", "id", "specversion", "data"})


def is_running_in_k8s() -> bool:
    """Whether this process runs in a pod."""
    return _SECRETS.is_dir()


def get_current_k8s_namespace() -> str:
    """The namespace of this process's pod; FileNotFoundError outside of one."""
    return (_SECRETS / "serviceaccount/namespace").read_text(encoding="utf-8").partition("\n")[0]


def get_default_target_namespace() -> str:
    """The pod's namespace, or `default`."""
    return get_current_k8s_namespace() if is_running_in_k8s() else "default"


def get_isvc_namespace(inferenceservice: Any) -> Any:
    """The namespace in an InferenceService object's metadata, or the default."""
    return inferenceservice.metadata.namespace or get_default_target_namespace()


def get_ig_namespace(inferencegraph: Any) -> Any:
    """The namespace in an InferenceGraph object's metadata, or the default."""
    return get_isvc_namespace(inferencegraph)


def is_structured_cloudevent(body: Mapping[str, Any]) -> bool:
    """Whether a JSON body has what a structured CloudEvent has."""
    return body.keys() >= _EVENT


def create_response_cloudevent(
    model_name: str, response: Any, req_attributes: Mapping[str, Any], binary_event: bool = False
) -> tuple[dict[str, str], bytes]:
    """An answer as CloudEvent, its headers and its body; `CE_TYPE`, `CE_SOURCE` and `CE_MERGE` say what it tells."""
    request = cloudevents.Event(req_attributes, structured=not binary_event)
    body, headers = cloudevents.answer(response, request, model_name, cloudevents.settings(os.environ))
    return headers, body


def strtobool(val: str) -> bool:
    """What KServe takes as a truth value; ValueError if it is none."""
    try:
        return cli.strtobool(val)
    except argparse.ArgumentTypeError as exc:
        raise ValueError(f"invalid truth value {val!r}") from exc


def cpu_count() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def generate_uuid() -> str:
    return str(uuid.uuid4())


def is_v1(protocol: str | PredictorProtocol) -> bool:
    return protocol.lower() == PredictorProtocol.REST_V1.value


def is_v2(protocol: str | PredictorProtocol) -> bool:
    return protocol.lower() == PredictorProtocol.REST_V2.value


def to_headers(context: Any) -> dict[str, str]:
    """The metadata of a gRPC call."""
    return dict(context.invocation_metadata() or ())


def get_predict_input(payload: dict[str, Any] | InferRequest, columns: Sequence[str] | None = None) -> Any:
    """What a model predicts on: an array; a DataFrame where instances are objects; a list for texts.

    Raises:
        InvalidInput: the payload has neither `instances` nor `inputs`, or no tensor.
    """
    if isinstance(payload, InferRequest):
        return _tensor_input(payload)
    field = "inputs" if "inputs" in payload else "instances"
    if not isinstance(payload.get(field), list):
        raise InvalidInput('Expected "instances" to be a list')
    rows = payload[field]
    first = rows[0] if rows else None
    if isinstance(first, dict) or (isinstance(first, list) and first and isinstance(first[0], dict)):
        return _frame(rows, columns)
    if isinstance(first, str):
        return rows
    try:
        return np.array(rows)
    except ValueError as exc:
        raise InvalidInput(f'"{field}" is no regular array: {exc}.') from exc


def _tensor_input(request: InferRequest) -> Any:
    if request.parameters and request.parameters.get("content_type") == "pd":
        return request.as_dataframe()
    if not request.inputs:
        raise InvalidInput("'inputs' is empty: an inference request needs at least one input tensor.")
    tensor = request.inputs[0]
    if tensor.datatype != "BYTES":
        return tensor.as_numpy()
    try:
        return tensor.as_string()
    except UnicodeDecodeError:  # pictures, for example
        return tensor.as_numpy()


def _frame(rows: list[Any], columns: Sequence[str] | None) -> Any:
    import pandas as pd  # type: ignore[import-untyped, unused-ignore]  # the user's own, if at all

    if isinstance(rows[0], dict):
        return pd.DataFrame(rows, columns=columns)
    return pd.concat([pd.DataFrame(row, columns=columns) for row in rows], axis=0)


def get_predict_response(
    payload: dict[str, Any] | InferRequest, result: Any, model_name: str
) -> dict[str, Any] | InferResponse:
    """A model's result (array, list, DataFrame) as an answer in the protocol of the payload."""
    if not isinstance(payload, InferRequest):
        if hasattr(result, "to_dict"):
            return {"predictions": result.to_dict(orient="records")}
        return {"predictions": result.tolist() if isinstance(result, np.ndarray) else result}
    return InferResponse(
        response_id=payload.id or generate_uuid(),
        model_name=model_name,
        infer_outputs=_outputs(result),
        parameters={"content_type": "pd"} if hasattr(result, "columns") else None,
        use_binary_outputs=bool(payload.parameters and payload.parameters.get("binary_data_output")),
        requested_outputs=payload.request_outputs,
    )


def _outputs(result: Any) -> list[InferOutput]:
    if hasattr(result, "columns"):
        return [_output(str(column), result[column].to_numpy()) for column in result.columns]
    return [_output("output-0", np.asarray(result, dtype=np.object_ if _texts(result) else None))]


def _texts(result: Any) -> bool:
    return isinstance(result, list) and bool(result) and isinstance(result[0], str)


def _output(name: str, array: Any) -> InferOutput:
    return InferOutput(name, list(array.shape), datatypes.from_numpy_dtype(array.dtype), array)


__all__ = [
    "cpu_count",
    "create_response_cloudevent",
    "generate_uuid",
    "get_predict_input",
    "get_predict_response",
    "is_v1",
    "is_v2",
    "strtobool",
    "to_headers",
]
