"""What has to be in an answer for it to count. Knows nothing of Locust."""

from __future__ import annotations

import json

from google.protobuf.message import DecodeError
from tritonclient.grpc.service_pb2 import ModelInferResponse

_EXCERPT = 200


def rest_fault(status: int, body: bytes, json_length: str | None) -> str | None:
    """What is wrong with a V1 or V2 answer; None if it holds predictions. `json_length` is the header of that name."""
    if status != 200:
        return f"{status}: {_excerpt(body)}"
    head = body[: int(json_length)] if json_length and json_length.isdecimal() else body
    try:
        fields = json.loads(head)
    except ValueError:
        return f"200, and no JSON: {_excerpt(head)}"
    if not isinstance(fields, dict):
        return f"200, and no JSON object: {_excerpt(head)}"
    if fields.get("predictions") or fields.get("outputs"):
        return None
    return f"200, and no predictions: {_excerpt(head)}"


def grpc_fault(body: bytes) -> str | None:
    """What is wrong with a ModelInferResponse; None if it holds outputs."""
    try:
        response = ModelInferResponse.FromString(body)
    except DecodeError:
        return "OK, and no ModelInferResponse"
    if not response.outputs:
        return "OK, and no outputs"
    raw = len(response.raw_output_contents)
    if raw not in (0, len(response.outputs)) or (not raw and not all(o.HasField("contents") for o in response.outputs)):
        return "OK, and outputs without contents"
    return None


def _excerpt(body: bytes) -> str:
    return " ".join(body[:_EXCERPT].decode(errors="replace").split()) or "no body"
