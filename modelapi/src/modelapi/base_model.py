"""What a server can register: a model with a name, that is loaded, started and stopped. Its steps: `modelapi.model`."""

from enum import Enum
from typing import Any

Payload = Any  # V1: the JSON value or bytes; V2: InferRequest
Headers = dict[str, str]


class InferenceVerb(Enum):
    """What was asked of a model."""

    EXPLAIN = 1
    PREDICT = 2


class BaseKServeModel:
    """A thing with a name that a server can register."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready = False
        self.engine = False

    async def healthy(self) -> bool:
        """Whether the model can answer now; by default, whether it is loaded."""
        return self.ready

    def load(self) -> bool:
        """Load whatever the model needs; sets `ready`."""
        self.ready = True
        return self.ready

    def start(self) -> None:
        """Called by the server before it serves."""
        self.ready = True

    async def start_engine(self) -> None:
        """Called by the server on its event loop, if `engine` is set."""
        self.ready = True

    def stop(self) -> None:
        """Called when the model is unloaded and when the server stops."""
        self.ready = False

    def stop_engine(self) -> None:
        """Called when the server stops, if `engine` is set."""


class InferenceModel(BaseKServeModel):
    """A model that describes its tensors."""

    def __call__(
        self, body: Payload, headers: Headers | None = None, verb: InferenceVerb = InferenceVerb.PREDICT
    ) -> Any:
        """The answer to a decoded payload."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__: derive from Model, which has one.")

    def get_input_types(self) -> Any:
        """A list of `{"name", "datatype", "shape"}`; may be `async def`."""
        return []

    def get_output_types(self) -> Any:
        """A list of `{"name", "datatype", "shape"}`; may be `async def`."""
        return []
