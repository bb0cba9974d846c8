"""What making and reading messages costs by itself: the client's, and the transformer's on its hop. No server needed.

Milliseconds; the median of several tries, for the least would be that of a cache that is warmer than a server's.
"""

import timeit
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmark.compare import messages
from benchmark.compare.arms import ARMS, ArmName
from benchmark.compare.findings import Codec
from modelapi import InferInput, InferRequest
from modelapi.codec import v1, v2_binary, v2_grpc, v2_json

_REPEATS, _TRIES = 20, 7


def client(picture: bytes, model: str, answers: dict[str, tuple[bytes, str]]) -> dict[str, Codec]:
    """The client's, from a picture's file to the request and from the answer to its numbers. `answers` are bodies and
    lengths of their JSON parts, by arm.
    """
    made = {}
    for arm in ARMS:
        if arm.name in answers:
            make = partial(messages.picture, arm.wire, picture, model)
            made[arm.name] = Codec(_cost(make), _cost(partial(messages.numbers, arm.wire, *answers[arm.name])))
    return made


def hop(wire: ArmName, model: str, answer: bytes, json_length: str) -> Codec:
    """The transformer's for a tensor of 3x32x32 FP32, with the codec that it uses: the Model API's."""
    encode, decode = _transformer_s(wire, model, answer, json_length)
    return Codec(_cost(encode), _cost(decode))


def _transformer_s(
    wire: ArmName, model: str, answer: bytes, json_length: str
) -> tuple[Callable[[], object], Callable[[], object]]:
    values = np.random.default_rng(1).standard_normal((1, 3, 32, 32)).astype(np.float32)
    if wire == "v1":
        return partial(v1.encode, {"instances": [{"data": one.tolist()} for one in values]}), partial(v1.decode, answer)
    tensor = InferInput("INPUT__0", list(values.shape), "FP32")
    tensor.set_data_from_numpy(values)
    request = InferRequest(model, [tensor])
    if wire == "grpc":
        return partial(_grpc_bytes, request), partial(_grpc_response, answer)
    if wire == "v2-json":
        return partial(v2_json.encode_request, request), partial(v2_json.decode_response, answer)
    length = int(json_length or len(answer))
    return partial(v2_binary.encode_request, request), partial(v2_binary.decode_response, answer, length)


def _grpc_bytes(request: InferRequest) -> bytes:
    encoded: bytes = v2_grpc.encode_request(request).SerializeToString()
    return encoded


def _grpc_response(answer: bytes) -> Any:
    return v2_grpc.decode_response(v2_grpc.ModelInferResponse.FromString(answer))


def _cost(work: Callable[[], object]) -> float:
    work()
    return float(np.median(timeit.repeat(work, number=_REPEATS, repeat=_TRIES))) / _REPEATS * 1000
