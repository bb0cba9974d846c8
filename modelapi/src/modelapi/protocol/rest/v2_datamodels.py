"""`kserve.protocol.rest.v2_datamodels`: the V2 protocol's JSON bodies as pydantic models.

For programs that read or write such bodies themselves: `InferRequest.from_inference_request` takes one. The server does
not use them.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, StrictBool, StrictFloat, StrictInt

InferParameter = StrictFloat | StrictInt | StrictBool | str
Parameters = dict[str, InferParameter]


class _Body(BaseModel):
    model_config = ConfigDict(protected_namespaces=())  # `model_name` is the protocol's word


class ServerLiveResponse(_Body):
    """`GET v2/health/live`"""

    live: bool


class ServerReadyResponse(_Body):
    """`GET v2/health/ready`"""

    ready: bool


class ServerMetadataResponse(_Body):
    """`GET v2`"""

    name: str
    version: str
    extensions: list[str]


class MetadataTensor(_Body):
    """A tensor as a model's metadata describes it; -1 in its shape stands for any size."""

    name: str
    datatype: str
    shape: list[int]


class ListModelsResponse(_Body):
    """`GET v2/models`"""

    models: list[str]


class ModelMetadataResponse(_Body):
    """`GET v2/models/{model_name}`"""

    name: str
    versions: list[str] | None = None
    platform: str
    inputs: list[MetadataTensor]
    outputs: list[MetadataTensor]


class ModelReadyResponse(_Body):
    """`GET v2/models/{model_name}/ready`"""

    name: str
    ready: bool


class RequestInput(_Body):
    """An input tensor with its values."""

    name: str
    shape: list[int]
    datatype: str
    parameters: Parameters | None = None
    data: list[Any]


class RequestOutput(_Body):
    """An output that is asked for."""

    name: str
    parameters: Parameters | None = None


class ResponseOutput(_Body):
    """An output tensor with its values."""

    name: str
    shape: list[int]
    datatype: str
    parameters: Parameters | None = None
    data: list[Any]


class InferenceRequest(_Body):
    """The body of `POST v2/models/{model_name}/infer`."""

    id: str | None = None
    parameters: Parameters | None = None
    inputs: list[RequestInput]
    outputs: list[RequestOutput] | None = None


class InferenceResponse(_Body):
    """Its answer."""

    model_name: str
    model_version: str | None = None
    id: str
    parameters: Parameters | None = None
    outputs: list[ResponseOutput]
