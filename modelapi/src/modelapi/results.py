"""What a handler's result is on each protocol, and what is filled in where the handler left something open."""

import random
from collections.abc import Callable
from typing import Any, TypeVar

from modelapi.codec import v2_json
from modelapi.errors import InferenceError, InvalidInput, OutputUnavailable
from modelapi.types import InferRequest, InferResponse

Body = TypeVar("Body")


def new_id() -> str:
    """An id for a request that came without one: a UUID, made without asking the system for randomness each time."""
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def v2_answer(result: Any, request: InferRequest, model_name: str) -> InferResponse:
    """The response that a handler's result is: an InferResponse, a dict of the V2 shape, or the protobuf message.

    What the handler left open is filled in from the request: the id (or a new one), the model's name, and which outputs
    are wanted in which form.
    """
    if isinstance(result, dict) and "outputs" in result:
        result = v2_json.response_from_dict(result)
    elif hasattr(result, "raw_output_contents"):
        result = InferResponse.from_grpc(result)
    if not isinstance(result, InferResponse):
        raise InferenceError(
            f"Model {model_name} answered a V2 request with a {type(result).__name__}: its last step must return "
            "an InferResponse, or a dict with 'outputs'."
        )
    return InferResponse(
        response_id=result.id or request.id or new_id(),
        model_name=result.model_name or model_name,
        infer_outputs=result.outputs,
        model_version=result.model_version,
        from_grpc=False,
        parameters=result.parameters,
        use_binary_outputs=result.use_binary_outputs or bool(request.parameters.get("binary_data_output")),
        requested_outputs=result.requested_outputs or request.request_outputs,
    )


def fitting(encode: Callable[[InferResponse], Body], response: InferResponse) -> Body:
    """The encoded response; InferenceError if the model's outputs are not what they say they are."""
    try:
        return encode(response)
    except OutputUnavailable:
        raise
    except InvalidInput as exc:
        raise InferenceError(f"Model {response.model_name} answered with an output that is none: {exc}") from exc


def v1_answer(result: Any) -> Any:
    """What a handler's result is on V1: as it is; an InferResponse is its JSON object, as in KServe."""
    return result.to_dict() if isinstance(result, InferResponse) else result
