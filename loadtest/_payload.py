"""Requests, made once, from a V1 body such as the `input.json` beside an InferenceService. Knows nothing of Locust."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tritonclient.grpc.service_pb2 import ModelInferRequest

TENSOR = "image"
"""The name of the V2 input; a transformer of pictures takes its first BYTES input, whatever it is called."""


class PayloadError(Exception):
    """No request can be made of the input file; the message names the place in it."""


@dataclass(frozen=True, slots=True)
class Request:
    """A REST request: path, headers and body, ready to be sent. For gRPC, `path` is the method and headers are none."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Pictures:
    """One input in each of the forms in which it can be sent. `pictures` are as they are in their files."""

    body: bytes
    pictures: tuple[bytes, ...]

    def v1(self, model: str) -> Request:
        return Request(f"/v1/models/{model}:predict", {"Content-Type": "application/json"}, self.body)

    def v2_json(self, model: str) -> Request:
        texts = [base64.b64encode(picture).decode() for picture in self._tensor()]
        body = {"inputs": [{"name": TENSOR, "shape": [len(texts)], "datatype": "BYTES", "data": texts}]}
        return Request(_infer(model), {"Content-Type": "application/json"}, _compact(body))

    def v2_binary(self, model: str) -> Request:
        tensor = _raw(self._tensor())
        parameters = {"binary_data_size": len(tensor)}
        fact = {"name": TENSOR, "shape": [len(self.pictures)], "datatype": "BYTES", "parameters": parameters}
        head = _compact({"inputs": [fact], "parameters": {"binary_data_output": True}})
        headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
        return Request(_infer(model), headers, head + tensor)

    def v2_grpc(self, model: str) -> Request:
        pictures = self._tensor()
        tensor = ModelInferRequest.InferInputTensor(name=TENSOR, datatype="BYTES", shape=[len(pictures)])
        message = ModelInferRequest(model_name=model, inputs=[tensor], raw_input_contents=[_raw(pictures)])
        return Request("/inference.GRPCInferenceService/ModelInfer", {}, message.SerializeToString())

    def _tensor(self) -> tuple[bytes, ...]:
        if not self.pictures:
            raise PayloadError(
                "The input has no instances[].image.b64, of which the V2 users make their tensor. "
                "Give another file with --input, or run the V1Rest user alone: locust -f loadtest/ ... V1Rest"
            )
        return self.pictures


class Payload(Protocol):
    """One input in each of the forms in which it can be sent."""

    def v1(self, model: str) -> Request: ...
    def v2_json(self, model: str) -> Request: ...
    def v2_binary(self, model: str) -> Request: ...
    def v2_grpc(self, model: str) -> Request: ...


def v1(payload: Payload, model: str) -> Request:
    return payload.v1(model)


def v2_json(payload: Payload, model: str) -> Request:
    return payload.v2_json(model)


def v2_binary(payload: Payload, model: str) -> Request:
    return payload.v2_binary(model)


def v2_grpc(payload: Payload, model: str) -> Request:
    return payload.v2_grpc(model)


def read(path: Path) -> Pictures:
    """The payload in the V1 body at `path`; raises PayloadError."""
    try:
        body = path.read_bytes()
        fields = json.loads(body)
    except OSError as exc:
        raise PayloadError(f"Cannot read the input {path}: {exc.strerror}. Name a V1 body with --input.") from exc
    except ValueError as exc:
        raise PayloadError(f"The input {path} is not JSON: {exc}.") from exc
    if not isinstance(fields, dict) or not isinstance(fields.get("instances"), list) or not fields["instances"]:
        raise PayloadError(f'The input {path} is not a V1 body: {{"instances": [...]}} with one instance or more.')
    return Pictures(body, _pictures(fields["instances"], path))


def _pictures(instances: list[Any], path: Path) -> tuple[bytes, ...]:
    """The pictures of `instances`; none where the instances are something else."""
    texts = [_text(instance) for instance in instances]
    if None in texts:
        return ()
    try:
        return tuple(base64.b64decode(str(text), validate=True) for text in texts)
    except binascii.Error as exc:
        raise PayloadError(f"The input {path} has an instances[].image.b64 that is not base64: {exc}.") from exc


def _text(instance: Any) -> str | None:
    image = instance.get("image") if isinstance(instance, dict) else None
    text = image.get("b64") if isinstance(image, dict) else None
    return text if isinstance(text, str) else None


def _infer(model: str) -> str:
    return f"/v2/models/{model}/infer"


def _compact(fields: object) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def _raw(elements: tuple[bytes, ...]) -> bytes:
    """A BYTES tensor: each element after its length in four bytes, little-endian (the V2 protocol's binary form)."""
    return b"".join(len(element).to_bytes(4, "little") + element for element in elements)
