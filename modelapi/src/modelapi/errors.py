"""Every error of the Model API, in one tree.

    ModelApiError
    |-- InvalidInput              the caller's request cannot be served as it is written
    |   `-- OutputUnavailable         the caller asked for an output, or a form of it, that there is not
    |-- BodyTooLarge              the request is larger than this server takes
    |-- ModelNotFound             no model of that name is registered
    |-- ModelNotReady             registered, but not loaded (yet, or any more)
    |-- ServerNotReady            at least one model is not ready, or the server is draining
    |-- ServerNotLive             the server is not able to answer at all
    |-- Overloaded                more requests at once than the server was told to take
    |-- DeadlineExceeded          the caller's own deadline passed before there was an answer
    |-- UnsupportedProtocol       the payload's protocol is not one this server speaks
    |-- Unsupported               known, and not offered by this model or server
    |-- InferenceError            a step of the model failed
    |-- NoModelReady              at start: there is nothing to serve
    |-- ModelMissingError         at start: nothing at the model's path
    |-- AddressTaken              at start: something else listens there
    |-- WorkersFailed             at start: the worker processes do not stay up
    |-- WorkersShouldBeLessThanMaxWorkersError
    `-- PredictorError            the next hop
        |-- PredictorNotConfigured    no predictor_host was given
        |-- PredictorUnavailable      refused, reset, or it said 503
        |-- PredictorTimeout          no answer in time
        |-- PredictorRejected         it answered 4xx: the caller's mistake, passed on
        `-- PredictorFailed           it answered 5xx

Status codes are not here: `server.rest` and `server.grpc` hold one table each. The names, the constructor arguments and
the built-in base classes are those of `kserve.errors`, so that `except` clauses of users keep working.
"""

from collections.abc import Iterable


class ModelApiError(Exception):
    """The root of the tree; `reason` is the sentence that a caller is shown."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class InvalidInput(ModelApiError, ValueError):
    """The request cannot be served; the reason names the field and the mend."""


class OutputUnavailable(InvalidInput):
    """The caller asked for an output that the model has not, or for a form that the output's datatype has not."""


class BodyTooLarge(ModelApiError):
    """The request body is larger than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request body is larger than the {limit} bytes that this server accepts.")
        self.limit = limit


class ModelNotFound(ModelApiError):
    """No model of this name is registered."""

    def __init__(self, model_name: str | None = None) -> None:
        super().__init__(f"Model with name {model_name} does not exist.")
        self.model_name = model_name


class ModelNotReady(ModelApiError, RuntimeError):
    """The model is registered and not ready."""

    def __init__(self, model_name: str | None = None, detail: str | None = None) -> None:
        super().__init__(f"Model with name {model_name} is not ready." + (f" {detail}" if detail else ""))
        self.model_name = model_name


class ServerNotReady(ModelApiError, RuntimeError):
    """Not every model is ready, or the server is shutting down."""

    def __init__(self, detail: str | None = None) -> None:
        super().__init__("Server is not ready." + (f" {detail}" if detail else ""))


class ServerNotLive(ModelApiError, RuntimeError):
    """The server cannot answer."""

    def __init__(self, detail: str | None = None) -> None:
        super().__init__("Server is not live." + (f" {detail}" if detail else ""))


class Overloaded(ModelApiError):
    """More requests at once than `limit`."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The server already works on {limit} requests; try again.")
        self.limit = limit


class DeadlineExceeded(ModelApiError, TimeoutError):
    """The caller's deadline passed."""


class UnsupportedProtocol(ModelApiError):
    """The payload is of a protocol that this server does not speak."""

    def __init__(self, protocol_version: str | None = None) -> None:
        super().__init__(f"Unsupported protocol {protocol_version}.")


class Unsupported(ModelApiError, NotImplementedError):
    """Known, and not offered."""


class InferenceError(ModelApiError, RuntimeError):
    """A step of the model failed; `status` is free text of the model's author."""

    def __init__(self, reason: str, status: object = None, debug_details: object = None) -> None:
        super().__init__(reason)
        self.status = status
        self.debug_details = debug_details

    def __str__(self) -> str:
        return self.reason if self.status is None else f"[{self.status}] {self.reason}"


class NoModelReady(ModelApiError, RuntimeError):
    """None of the models given to the server is ready."""

    def __init__(self, models: Iterable[object], detail: str | None = None) -> None:
        self.models = list(models)
        names = ", ".join(str(getattr(model, "name", model)) for model in self.models)
        super().__init__(f"None of the models is ready: {names}." + (f" {detail}" if detail else ""))


class ModelMissingError(ModelApiError):
    """There is nothing at the model's path."""

    def __init__(self, path: object) -> None:
        super().__init__(f"There is no model at {path}.")


class AddressTaken(ModelApiError, OSError):
    """The server cannot listen at its address."""

    def __init__(self, host: str, port: int, flag: str, cause: object) -> None:
        super().__init__(
            f"Cannot listen on {host}:{port} ({cause}): stop what listens there, or choose another {flag}."
        )


class WorkersFailed(ModelApiError):
    """A worker ends soon after its start."""

    def __init__(self, number: int, code: int) -> None:
        super().__init__(f"Worker {number} ended with {code} soon after its start; its log says why.")


class WorkersShouldBeLessThanMaxWorkersError(ModelApiError):
    """More workers were asked for than are allowed."""

    def __init__(self, max_workers: int | None = None) -> None:
        super().__init__(f"The number of workers must be at most {max_workers}.")


class PredictorError(ModelApiError):
    """The next hop did not give an answer that can be used."""


class PredictorNotConfigured(PredictorError, NotImplementedError):
    """The model leaves `predict` to a predictor, and no predictor is named."""

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(reason or "Could not find predictor_host.")


class PredictorUnavailable(PredictorError):
    """Refused, reset, or the predictor itself said that it is unavailable."""


class PredictorTimeout(PredictorError, TimeoutError):
    """The predictor did not answer in time."""


class PredictorRejected(PredictorError):
    """The predictor answered 4xx (or its gRPC sibling); `status` is the HTTP status to pass on."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class PredictorFailed(PredictorError):
    """The predictor answered 5xx, or something that is no answer of its protocol."""
