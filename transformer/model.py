"""A transformer for pictures: from what an application has (a PNG, a JPEG) to what an image classifier takes.

    python -m model --model_name mnist --predictor_host localhost:8085 --protocol grpc-v2

| asked in | one picture is                                               | the answer               |
| -------- | ------------------------------------------------------------ | ------------------------ |
| V1 REST  | `{"image": {"b64": "<base64>"}}`, an element of `instances`  | `{"predictions": [...]}` |
| V2, gRPC | an element of a BYTES tensor: base64 text, or a file's bytes | an inference response    |

The predictor gets `(x / 255 - 0.1307) / 0.3081` as FP32 [batch, channels, height, width]: the tensor `INPUT__0` over
V2 REST and gRPC, `{"instances": [{"data": [...]}, ...]}` over V1. What it speaks and what was asked in need not agree.

Copy this file to start your own. It runs on KServe's SDK as well: write `kserve` where the imports say `modelapi`.
"""

import argparse
import base64
import binascii
import io
import struct
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from modelapi import InferInput, InferOutput, InferRequest, InferResponse, Model, ModelServer, logging, model_server
from modelapi.errors import InferenceError, InvalidInput

# What each model was trained on: width, height and Pillow's mode ("L" is grey). Add yours.
PICTURES = {"mnist": (28, 28, "L"), "cifar10": (32, 32, "RGB")}
MEAN, STD = np.float32(0.1307), np.float32(0.3081)

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
MOST_PIXELS = 25_000_000  # a file of a few kilobytes can unpack to gigabytes
V2_ID = "asked-in-v2-with-id"  # our own entry in a request's headers, which preprocess and postprocess share


class ImageTransformer(Model):
    """Pictures in, a classifier's answer out."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        if name not in PICTURES:
            raise ValueError(f"no picture size for {name!r}: add it to PICTURES in model.py ({', '.join(PICTURES)}).")
        self.width, self.height, self.mode = PICTURES[name]
        self.ready = True

    async def preprocess(self, payload: Any, headers: dict[str, str] | None = None) -> dict[str, Any] | InferRequest:
        """The batch of pictures, in the form that the predictor's protocol has for it."""
        files = files_of_v2(payload) if isinstance(payload, InferRequest) else files_of_v1(payload)
        batch = np.stack([self.tensor(file, where) for where, file in files])
        headers = {} if headers is None else headers
        headers.pop(V2_ID, None)
        if isinstance(payload, InferRequest):
            headers[V2_ID] = payload.id or str(uuid.uuid4())
        if self.predictor_config is None or self.predictor_config.protocol == "v1":
            return {"instances": [{"data": picture} for picture in batch.tolist()]}
        tensor = InferInput("INPUT__0", list(batch.shape), "FP32")
        tensor.set_data_from_numpy(batch)
        return InferRequest(self.name, [tensor], request_id=headers.get(V2_ID))

    async def postprocess(
        self,
        result: dict[str, Any] | InferResponse,
        headers: dict[str, str] | None = None,
        response_headers: dict[str, str] | None = None,
    ) -> dict[str, Any] | InferResponse:
        """The predictor's answer, in the protocol of the question."""
        request_id = (headers or {}).get(V2_ID)
        if request_id is not None:
            outputs = result.outputs if isinstance(result, InferResponse) else [output_of_v1(result)]
            return InferResponse(request_id, self.name, outputs)
        if isinstance(result, InferResponse):
            return {"predictions": result.outputs[0].as_numpy().tolist()}
        return result

    def tensor(self, file: bytes, where: str) -> NDArray[np.float32]:
        """One picture, normalized: float32 [channels, height, width]."""
        picture = decoded(file, where).convert(self.mode).resize((self.width, self.height))
        normalized = (np.asarray(picture, dtype=np.float32) / np.float32(255) - MEAN) / STD
        return normalized[np.newaxis] if self.mode == "L" else normalized.transpose(2, 0, 1)


def files_of_v1(payload: Any) -> Iterator[tuple[str, bytes]]:
    """Where each picture stands in a V1 body, and its bytes."""
    instances = payload.get("instances") if isinstance(payload, dict) else None
    if not isinstance(instances, list) or not instances:
        raise InvalidInput('Expected "instances" to be a list of {"image": {"b64": "<base64>"}}, with one at least.')
    for number, instance in enumerate(instances):
        where = f"instances[{number}].image.b64"
        image = instance.get("image") if isinstance(instance, dict) else None
        text = image.get("b64") if isinstance(image, dict) else None
        if not isinstance(text, str):
            raise InvalidInput(f'{where} is missing: send {{"image": {{"b64": "<the file in base64>"}}}}.')
        file = from_base64(text)
        if file is None:
            raise InvalidInput(f"{where} is no base64: send the file's bytes in base64, without a prefix.")
        yield where, file


def files_of_v2(request: InferRequest) -> Iterator[tuple[str, bytes]]:
    """Where each picture stands in a V2 request, and its bytes."""
    if len(request.inputs) != 1 or request.inputs[0].datatype != "BYTES":
        got = ", ".join(f"{tensor.name} {tensor.datatype} {tensor.shape}" for tensor in request.inputs)
        raise InvalidInput(f"Expected one BYTES tensor, an element for each picture; the inputs are: {got or 'none'}.")
    elements = request.inputs[0].as_numpy().ravel()
    if not elements.size:
        raise InvalidInput(f"The input {request.inputs[0].name!r} holds no picture.")
    for number, element in enumerate(elements):
        file = element if isinstance(element, bytes) else str(element).encode()
        yield f"{request.inputs[0].name}[{number}]", from_base64(file) or file


def from_base64(text: str | bytes) -> bytes | None:
    """The bytes, or None if this is no base64. A picture's file never is: it has bytes that base64 has not."""
    data = text.encode() if isinstance(text, str) else text
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        return None


def decoded(file: bytes, where: str) -> Image.Image:
    """The picture in a file; InvalidInput if there is none."""
    try:
        picture = Image.open(io.BytesIO(file), formats=FORMATS)
        small = picture.width * picture.height <= MOST_PIXELS
        if small:
            picture.load()
    except Image.DecompressionBombError:
        small = False
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as exc:
        raise InvalidInput(f"{where} is no picture that can be read ({', '.join(FORMATS)}), or it is broken.") from exc
    if not small:
        raise InvalidInput(f"{where} has too many pixels: send at most {MOST_PIXELS}.")
    return picture


def output_of_v1(answer: dict[str, Any]) -> InferOutput:
    """The `predictions` of a V1 answer as a tensor."""
    try:
        values = np.asarray(answer["predictions"])
        datatype, dtype = {"i": ("INT64", np.int64), "f": ("FP32", np.float32)}[values.dtype.kind]
    except (KeyError, TypeError, ValueError) as exc:
        raise InferenceError('The predictor\'s answer has no "predictions" that are an array of numbers.') from exc
    output = InferOutput("OUTPUT__0", list(values.shape), datatype)
    output.set_data_from_numpy(values.astype(dtype), binary_data=False)
    return output


def main() -> None:
    """Serve a transformer for each of the names in `--model_name`, which commas separate: `mnist,cifar10`."""
    parser = argparse.ArgumentParser(parents=[model_server.parser])
    args, _ = parser.parse_known_args()
    if args.configure_logging:
        logging.configure_logging(args.log_config_file)
    try:
        transformers: list[Any] = [ImageTransformer(name) for name in args.model_name.split(",")]
    except ValueError as exc:
        parser.error(str(exc))
    ModelServer().start(transformers)


if __name__ == "__main__":
    main()
