"""The requests that are sent: one 32 x 32 photograph as PNG, as V1 JSON and as V2 gRPC; and reading the answers."""

import base64
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2

from benchmark.cells import Wire
from benchmark.load.driver import Aim
from benchmark.load.grpc_client import METHOD

PICTURE = Path(__file__).parents[1] / "models/samples/cat.png"
SCORES = 10
TOLERANCE = 1e-4
ANSWER_SECONDS = 60.0


class AnswersDiffer(Exception):
    """The contenders do not do the same work, so their speeds say nothing."""


def v1(picture: bytes) -> bytes:
    return json.dumps({"instances": [{"image": {"b64": base64.b64encode(picture).decode()}}]}).encode()


def v2_grpc(picture: bytes, model: str) -> bytes:
    """One BYTES tensor with the encoded picture itself, as typed contents."""
    request = service_pb2.ModelInferRequest(model_name=model, id="1")
    values = request.inputs.add(name="IMAGE", datatype="BYTES", shape=[1])
    values.contents.bytes_contents.append(picture)
    body: bytes = request.SerializeToString()
    return body


def write(folder: Path, model: str) -> dict[Wire, Path]:
    """The requests as files, by wire."""
    picture = PICTURE.read_bytes()
    bodies: dict[Wire, bytes] = {"v1": v1(picture), "grpc": v2_grpc(picture, model)}
    paths = {wire: folder / f"{wire}.body" for wire in bodies}
    for wire, path in paths.items():
        path.write_bytes(bodies[wire])
    return paths


def ask(aim: Aim) -> list[float]:
    """The ten scores, asked for once. Raises AnswersDiffer for an answer that is something else."""
    body = aim.body.read_bytes()
    rows = _ask_grpc(aim, body) if aim.wire == "grpc" else _ask_rest(aim, body)
    scores = np.asarray(rows, dtype=float)
    if scores.shape != (1, SCORES):
        raise AnswersDiffer(f"{aim.address} answered with shape {scores.shape} instead of (1, {SCORES})")
    flat: list[float] = scores[0].tolist()
    return flat


def check_equal(answers: dict[str, list[float]]) -> None:
    """Raises AnswersDiffer if any contender's scores are off the first's by more than TOLERANCE."""
    (first, wanted), *rest = answers.items()
    for name, scores in rest:
        distance = float(np.abs(np.subtract(scores, wanted)).max())
        if distance > TOLERANCE:
            raise AnswersDiffer(
                f"{name} and {first} answer differently, by up to {distance:.3g}: {scores} and {wanted}"
            )


def _ask_rest(aim: Aim, body: bytes) -> Any:
    request = urllib.request.Request(f"http://{aim.address}{aim.path}", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as response:  # noqa: S310  # http on the loopback address
            return json.load(response)["predictions"]
    except OSError as exc:
        raise AnswersDiffer(f"{aim.address} gave no prediction: {exc}{_body(exc)}") from exc


def _ask_grpc(aim: Aim, body: bytes) -> Any:
    with grpc.insecure_channel(aim.address) as channel:
        call = channel.unary_unary(
            METHOD, request_serializer=None, response_deserializer=service_pb2.ModelInferResponse.FromString
        )
        try:
            answer = call(body, timeout=ANSWER_SECONDS, wait_for_ready=True)
        except grpc.RpcError as exc:
            raise AnswersDiffer(f"{aim.address} gave no prediction: {exc}") from exc
    output = answer.outputs[0]
    values = (
        np.frombuffer(answer.raw_output_contents[0], dtype=np.float32)
        if answer.raw_output_contents
        else np.array(output.contents.fp32_contents)
    )
    return values.reshape(tuple(output.shape))


def _body(exc: OSError) -> str:
    return f": {exc.read(500)!r}" if isinstance(exc, urllib.error.HTTPError) else ""
