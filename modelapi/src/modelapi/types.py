"""Requests and responses of the V2 protocol, as a Model sees them: one shape for every wire.

What the wires look like is the business of `modelapi.codec`: methods that KServe's types have (`to_rest`, `from_bytes`,
`to_grpc` ...) hand over to it when they are called. Their tensors are in `modelapi.tensor`.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from modelapi.tensor import InferInput, InferOutput, Raw, RequestedOutput, Tensor, texts_of

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped, unused-ignore]  # the user's own, if at all


class InferRequest:
    """A request of the V2 protocol, whatever wire it came on or will leave by."""

    def __init__(
        self,
        model_name: str,
        infer_inputs: list[InferInput],
        request_id: str | None = None,
        raw_inputs: Iterable[Raw] | None = None,
        from_grpc: bool | None = False,
        parameters: Any = None,
        request_outputs: list[RequestedOutput] | None = None,
        model_version: str | None = None,
    ) -> None:
        self.id = request_id
        self.model_name = model_name
        self.model_version = model_version
        self.inputs = infer_inputs
        self.parameters: Any = {} if parameters is None else parameters
        self.from_grpc = bool(from_grpc)  # type: ignore[assignment, method-assign]  # both in kserve, too
        self.request_outputs = request_outputs
        _take_raw(self.inputs, raw_inputs)

    @property
    def use_binary_outputs(self) -> bool:
        """Whether the caller asked for binary outputs, for all of them or for one."""
        if self.parameters and self.parameters.get("binary_data_output"):
            return True
        return any(output.binary_data for output in self.request_outputs or ())

    @classmethod
    def from_grpc(cls, request: Any) -> "InferRequest":
        """From the `inference.ModelInferRequest` message. (On an instance, `from_grpc` says that it came so.)"""
        from modelapi.codec import v2_grpc

        return v2_grpc.decode_request(request)

    @classmethod
    def from_inference_request(cls, request: Any, model_name: str) -> "InferRequest":
        """From the decoded JSON body: a mapping, or a pydantic model of one."""
        from modelapi.codec import v2_json

        return v2_json.request_from_dict(request if isinstance(request, Mapping) else request.model_dump(), model_name)

    @classmethod
    def from_bytes(cls, req_bytes: Raw, json_length: int, model_name: str) -> "InferRequest":
        """From a V2 REST body of the binary extension, or a JSON one."""
        from modelapi.codec import v2_binary

        return v2_binary.decode_request(req_bytes, json_length, model_name)

    def to_rest(self) -> tuple[bytes | dict[str, Any], int | None]:
        """`(dict, None)` if every input has values, `(body, JSON length)` if one is raw."""
        from modelapi.codec import v2_binary, v2_json

        if not any(tensor.raw is not None for tensor in self.inputs):
            return v2_json.listed(v2_json.request_to_dict(self)), None
        encoded = v2_binary.encode_request(self)
        return b"".join(encoded.chunks), encoded.json_length

    def to_grpc(self) -> Any:
        """The `inference.ModelInferRequest` message."""
        from modelapi.codec import v2_grpc

        return v2_grpc.encode_request(self)

    def as_dataframe(self) -> "pd.DataFrame":
        """One column per input; needs pandas, which modelapi does not bring."""
        import pandas as pd  # type: ignore[import-untyped, unused-ignore]  # the user's own, if at all

        columns = {tensor.name: _column(tensor) for tensor in self.inputs}
        return pd.DataFrame(columns)

    def get_input_by_name(self, name: str) -> InferInput | None:
        return next((tensor for tensor in self.inputs if tensor.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        from modelapi.codec import v2_json

        return {"model_name": self.model_name, **v2_json.listed(v2_json.request_to_dict(self))}

    def __eq__(self, other: object) -> bool:
        return _same(self, other, ("id", "model_name", "inputs", "request_outputs"))

    __hash__ = None  # type: ignore[assignment]  # inputs change

    def __repr__(self) -> str:
        return f"InferRequest({self.model_name!r}, id={self.id!r}, inputs={self.inputs})"


class InferResponse:
    """A response of the V2 protocol, whatever wire it came on or will leave by."""

    def __init__(
        self,
        response_id: str | None,
        model_name: str,
        infer_outputs: list[InferOutput],
        model_version: str | None = None,
        raw_outputs: Iterable[Raw] | None = None,
        from_grpc: bool | None = False,
        parameters: Any = None,
        use_binary_outputs: bool | None = False,
        requested_outputs: list[RequestedOutput] | None = None,
    ) -> None:
        self.id = response_id
        self.model_name = model_name
        self.model_version = model_version
        self.outputs = infer_outputs
        self.parameters: Any = {} if parameters is None else parameters
        self.from_grpc = bool(from_grpc)  # type: ignore[assignment, method-assign]  # both in kserve, too
        self.use_binary_outputs = bool(use_binary_outputs)
        self.requested_outputs = requested_outputs
        _take_raw(self.outputs, raw_outputs)

    @classmethod
    def from_grpc(cls, response: Any) -> "InferResponse":
        """From the `inference.ModelInferResponse` message. (On an instance, `from_grpc` says that it came so.)"""
        from modelapi.codec import v2_grpc

        return v2_grpc.decode_response(response)

    @classmethod
    def from_rest(cls, response: Mapping[str, Any]) -> "InferResponse":
        """From the decoded JSON body of a V2 REST answer."""
        from modelapi.codec import v2_json

        return v2_json.response_from_dict(response)

    @classmethod
    def from_bytes(cls, res_bytes: Raw, json_length: int) -> "InferResponse":
        """From a V2 REST body of the binary extension."""
        from modelapi.codec import v2_binary

        return v2_binary.decode_response(res_bytes, json_length)

    def to_rest(self) -> tuple[bytes | dict[str, Any], int | None]:
        """`(dict, None)`, or `(body, JSON length)` if an output goes out in binary."""
        from modelapi.codec import v2_binary, v2_json

        if not v2_binary.wants_binary(self):
            return v2_json.listed(v2_json.response_to_dict(self)), None
        encoded = v2_binary.encode_response(self)
        return b"".join(encoded.chunks), encoded.json_length

    def to_grpc(self) -> Any:
        """The `inference.ModelInferResponse` message."""
        from modelapi.codec import v2_grpc

        return v2_grpc.encode_response(self)

    def get_output_by_name(self, name: str) -> InferOutput | None:
        return next((tensor for tensor in self.outputs if tensor.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        from modelapi.codec import v2_json

        return v2_json.listed(v2_json.response_to_dict(self))

    def __eq__(self, other: object) -> bool:
        return _same(self, other, ("id", "model_name", "model_version", "outputs"))

    __hash__ = None  # type: ignore[assignment]  # outputs change

    def __repr__(self) -> str:
        return f"InferResponse({self.model_name!r}, id={self.id!r}, outputs={self.outputs})"


def _take_raw(tensors: list[Any], raws: Iterable[Raw] | None) -> None:
    for tensor, raw in zip(tensors, raws or (), strict=False):
        tensor.data = raw


def _same(one: object, other: object, names: Iterable[str]) -> bool:
    if type(one) is not type(other):
        return False
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _column(tensor: InferInput) -> Any:
    values = tensor.as_numpy()
    return texts_of(values.tolist()) if tensor.datatype == "BYTES" else values.tolist()


__all__ = ["InferInput", "InferOutput", "InferRequest", "InferResponse", "RequestedOutput", "Tensor"]
