"""What a model hands to its predictor, in the form that the predictor's protocol has for it.

preprocess may return a dict whatever the hop speaks, or an InferRequest; what fits the hop is passed on, what has one
clear meaning there is turned into it, and the rest is an InvalidInput that says what to return instead.
"""

from typing import Any

from modelapi.codec import v2_json
from modelapi.errors import InvalidInput
from modelapi.types import InferRequest

_RETURN_V1 = (
    'return a dict such as {"instances": [...]} from preprocess, or choose the predictor protocol v2 or grpc-v2.'
)
_RETURN_V2 = 'return an InferRequest, or a dict with "inputs", from preprocess.'


def for_v1(payload: Any) -> Any:
    """The JSON value to post: anything but an InferRequest as it is, an InferRequest as `{"instances": [...]}`.

    The instances are the rows of the request's one input; its first dimension is the batch.

    Raises:
        InvalidInput: the request has several inputs, or one without a batch: which V1 body is meant cannot be known.
    """
    if not isinstance(payload, InferRequest):
        return payload
    if len(payload.inputs) != 1:
        names = ", ".join(tensor.name for tensor in payload.inputs)
        raise InvalidInput(
            f"The predictor speaks V1, which has no form for {len(payload.inputs)} inputs ({names}): {_RETURN_V1}"
        )
    tensor = payload.inputs[0]
    if not tensor.shape:
        raise InvalidInput(f"The predictor speaks V1, and input {tensor.name!r} has no batch dimension: {_RETURN_V1}")
    rows = tensor.as_numpy()
    if tensor.datatype == "BYTES":
        return {"instances": _texts(rows.tolist(), tensor.name)}
    return {"instances": rows}


def for_v2(payload: Any, model_name: str) -> InferRequest:
    """The request to send: an InferRequest as it is, or the one that a dict in V2's JSON form describes.

    Raises:
        InvalidInput: it is neither.
    """
    if isinstance(payload, InferRequest):
        return payload
    if not isinstance(payload, dict):
        raise InvalidInput(f"The predictor speaks V2, and the payload is a {type(payload).__name__}: {_RETURN_V2}")
    if "inputs" not in payload:
        what = 'a V1 body ("instances")' if "instances" in payload else "a dict without inputs"
        raise InvalidInput(f"The predictor speaks V2, and the payload is {what}: {_RETURN_V2}")
    return v2_json.request_from_dict(payload, model_name)


def _texts(value: Any, name: str) -> Any:
    if isinstance(value, list):
        return [_texts(element, name) for element in value]
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError as exc:
        raise InvalidInput(
            f"The predictor speaks V1, and input {name!r} holds bytes that are no UTF-8 text: "
            "base64-encode them in preprocess, or choose the predictor protocol v2 or grpc-v2."
        ) from exc
