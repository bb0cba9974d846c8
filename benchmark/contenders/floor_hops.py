"""The hop to the predictor, by hand: the least code that puts a tensor on each wire and takes ten scores off it."""

from collections.abc import Callable
from typing import Any, Protocol

import aiohttp
import grpc
import numpy as np
import orjson
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2, service_pb2_grpc

Tensor = NDArray[np.float32]


class Hop(Protocol):
    """A tensor [N, 3, side, side] to rows of scores."""

    async def rows(self, tensor: Tensor) -> list[Any]: ...


class GrpcHop:
    """`ModelInfer` with the tensor's bytes in `raw_input_contents`."""

    def __init__(self, host: str, model: str) -> None:
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(grpc.aio.insecure_channel(host))
        self._model = model

    async def answer(self, tensor: Tensor) -> Any:
        request = service_pb2.ModelInferRequest(model_name=self._model, raw_input_contents=[tensor.tobytes()])
        values = request.inputs.add()
        values.name, values.datatype = "INPUT__0", "FP32"
        values.shape.extend(tensor.shape)
        return await self._stub.ModelInfer(request)

    async def rows(self, tensor: Tensor) -> list[Any]:
        answer = await self.answer(tensor)
        return _rows(answer.raw_output_contents[0], answer.outputs[0].shape)


class BinaryHop:
    """V2 REST with the binary tensor extension."""

    def __init__(self, host: str, model: str) -> None:
        self._url = f"http://{host}/v2/models/{model}/infer"
        self._session = _session()

    async def rows(self, tensor: Tensor) -> list[Any]:
        described = _described(tensor) | {"parameters": {"binary_data_size": tensor.nbytes}}
        head = orjson.dumps({"inputs": [described], "parameters": {"binary_data_output": True}})
        headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
        async with self._session.post(self._url, data=head + tensor.tobytes(), headers=headers) as response:
            body = await response.read()
        length = int(response.headers["Inference-Header-Content-Length"])
        return _rows(body[length:], orjson.loads(body[:length])["outputs"][0]["shape"])


class JsonHop:
    """V2 REST in JSON."""

    def __init__(self, host: str, model: str) -> None:
        self._url = f"http://{host}/v2/models/{model}/infer"
        self._session = _session()

    async def rows(self, tensor: Tensor) -> list[Any]:
        body = orjson.dumps({"inputs": [_described(tensor) | {"data": tensor.ravel()}]}, option=_NUMPY)
        async with self._session.post(self._url, data=body, headers=_JSON) as response:
            output = orjson.loads(await response.read())["outputs"][0]
        rows: list[Any] = np.array(output["data"], dtype=np.float32).reshape(output["shape"]).tolist()
        return rows


class V1Hop:
    """V1 REST: nested lists."""

    def __init__(self, host: str, model: str) -> None:
        self._url = f"http://{host}/v1/models/{model}:predict"
        self._session = _session()

    async def rows(self, tensor: Tensor) -> list[Any]:
        body = orjson.dumps({"instances": [{"data": values} for values in tensor]}, option=_NUMPY)
        async with self._session.post(self._url, data=body, headers=_JSON) as response:
            rows: list[Any] = orjson.loads(await response.read())["predictions"]
        return rows


_JSON = {"Content-Type": "application/json"}
_NUMPY = orjson.OPT_SERIALIZE_NUMPY
HOPS: dict[str, Callable[[str, str], Hop]] = {"grpc-v2": GrpcHop, "v2": BinaryHop, "v2-json": JsonHop, "v1": V1Hop}


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())


def _described(tensor: Tensor) -> dict[str, Any]:
    return {"name": "INPUT__0", "shape": tensor.shape, "datatype": "FP32"}


def _rows(raw: bytes, shape: Any) -> list[Any]:
    rows: list[Any] = np.frombuffer(raw, dtype=np.float32).reshape(tuple(shape)).tolist()
    return rows
