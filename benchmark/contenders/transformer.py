"""The user's transformer, one file for both SDKs: `BENCH_SDK=modelapi` or `BENCH_SDK=kserve` says which it imports.

Nothing else differs, except that `BENCH_BINARY` asks for binary tensors by hand. It is written as KServe's custom
transformer guide writes one.
"""

import argparse
import base64
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmark.contenders import picture

if TYPE_CHECKING:
    import modelapi as sdk
else:
    sdk = import_module(os.environ["BENCH_SDK"])


class PictureTransformer(sdk.Model):
    """Pictures in (V1: base64, V2: a BYTES tensor), one FP32 tensor to the predictor, ten scores a picture back."""

    def __init__(self, name: str, side: int, hop: str) -> None:
        super().__init__(name)
        self.side, self.hop = side, hop
        self.ready = True

    def preprocess(self, payload: Any, headers: Any = None) -> Any:
        if isinstance(payload, dict):
            headers["request-type"] = "v1"
            pictures = [base64.b64decode(instance["image"]["b64"]) for instance in payload["instances"]]
        else:
            pictures = list(payload.inputs[0].as_numpy())
        tensor = picture.batch(pictures, self.side)
        if self.hop == "v1":
            return {"instances": [{"data": values.tolist()} for values in tensor]}
        if "BENCH_BINARY" in os.environ:
            return self._binary(tensor)
        values = sdk.InferInput(name="INPUT__0", shape=list(tensor.shape), datatype="FP32", data=tensor)
        return sdk.InferRequest(model_name=self.name, infer_inputs=[values])

    def _binary(self, tensor: Any) -> Any:
        values = sdk.InferInput(name="INPUT__0", shape=list(tensor.shape), datatype="FP32")
        values.set_data_from_numpy(tensor, binary_data=True)
        wanted = {"binary_data_output": True}
        return sdk.InferRequest(model_name=self.name, infer_inputs=[values], parameters=wanted)

    def postprocess(self, result: Any, headers: Any = None, response_headers: Any = None) -> Any:
        if headers.get("request-type") != "v1" or isinstance(result, dict):
            return result
        return {"predictions": result.outputs[0].as_numpy().tolist()}


def main() -> None:
    parser = argparse.ArgumentParser(parents=[sdk.model_server.parser])
    parser.add_argument("--side", type=int, required=True, help="pixels: the tensor is 3 x side x side")
    args, _ = parser.parse_known_args()
    model = PictureTransformer(args.model_name, args.side, args.predictor_protocol)
    sdk.ModelServer().start([model])


if __name__ == "__main__":
    main()
