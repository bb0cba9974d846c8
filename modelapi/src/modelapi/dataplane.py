"""The data plane: what can be asked of the models, whatever the wire. The only caller of a Model.

It knows no status codes and no bodies; `server.rest` and `server.grpc` turn wires into its calls and its errors into
statuses. One data plane lives in one event loop.
"""

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from modelapi.config import VERSION
from modelapi.errors import (
    ModelApiError,
    ModelNotFound,
    ModelNotReady,
    Overloaded,
    ServerNotReady,
    Unsupported,
)
from modelapi.log_lines import RequestLines
from modelapi.model import BaseKServeModel, Headers, InferenceVerb, Model, Outcome, Steps, Timings
from modelapi.model_repository import ModelRepository

SERVER_NAME = "kserve-local"
EXTENSIONS = ("model_repository_extension", "binary_tensor_data")
Observe = Callable[[str, InferenceVerb, Timings], None]

logger = logging.getLogger(__name__)
trace_logger = logging.getLogger("kserve.trace")


@dataclass(frozen=True)
class Limits:
    """What the data plane takes on: `concurrency` requests at once (None: no limit)."""

    concurrency: int | None = None


class DataPlane:
    """Registry and steps.

    Args:
        model_registry: the models.
        observe: told the time of each step of each request that succeeded (metrics).
        limits: see Limits.
        log_latency: write the latency line of each request to the logger `kserve.trace`.
        lines: what gathers those lines.
    """

    def __init__(
        self,
        model_registry: ModelRepository,
        observe: Observe | None = None,
        limits: Limits = Limits(),
        log_latency: bool = True,
        lines: RequestLines | None = None,
    ) -> None:
        self.model_registry = model_registry
        self._observe = observe
        self._limits = limits
        self._log_latency = log_latency
        self.lines = lines or RequestLines()
        self._steps: dict[str, Steps] = {}
        self._in_flight = 0
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    # -- what is there -------------------------------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        """How many requests are being worked on."""
        return self._in_flight

    def get_model_from_registry(self, name: str) -> BaseKServeModel:
        """The model of this name; ModelNotFound if there is none."""
        model = self.model_registry.get_model(name)
        if model is None:
            raise ModelNotFound(name)
        return model

    def model_names(self) -> list[str]:
        return list(self.model_registry.get_models())

    def metadata(self) -> dict[str, Any]:
        """The server's metadata (V2)."""
        return {"name": SERVER_NAME, "version": VERSION, "extensions": list(EXTENSIONS)}

    async def model_metadata(self, name: str, version: str | None = None) -> dict[str, Any]:
        """A model's metadata (V2)."""
        model = self._model_of_version(name, version)
        inputs = getattr(model, "get_input_types", list)
        outputs = getattr(model, "get_output_types", list)
        return {
            "name": name,
            "versions": versions_of(model) or None,
            "platform": getattr(model, "platform", ""),
            "inputs": await _settled(inputs()),
            "outputs": await _settled(outputs()),
        }

    # -- readiness ------------------------------------------------------------------------------------------------

    async def ready(self) -> bool:
        """Whether every model is ready, and the server is not on its way out."""
        if self._draining:
            return False
        return all([await self.model_ready(name) for name in self.model_names()])

    async def model_ready(self, name: str, version: str | None = None) -> bool:
        """Whether a model can answer; with its predictor, if its configuration says so (`predictor_health_check`)."""
        model = self._model_of_version(name, version)
        if not await _healthy(model):
            return False
        config = model.predictor_config if isinstance(model, Model) else None
        if config is None or not config.predictor_health_check or not isinstance(model, Model):
            return True
        return await _predictor_ready(model)

    # -- the steps ------------------------------------------------------------------------------------------------

    async def infer(
        self,
        name: str,
        payload: Any,
        headers: Headers,
        verb: InferenceVerb = InferenceVerb.PREDICT,
    ) -> Outcome:
        """Run a model's steps on a decoded payload.

        Raises:
            ModelNotFound, ModelNotReady, ServerNotReady, Overloaded: before any step ran.
            Exception: whatever a step raised.
        """
        steps = self._steps_of(name)
        if not await _healthy(steps.model):
            raise ModelNotReady(name)
        self._enter()
        try:
            outcome = await steps.run(payload, headers, verb)
        finally:
            self._leave()
        self._report(name, steps.model, headers, verb, outcome.timings)
        return outcome

    def _steps_of(self, name: str) -> Steps:
        """The steps of a model, looked at again only when another object stands under the name."""
        model = self.get_model_from_registry(name)
        steps = self._steps.get(name)
        if steps is None or steps.model is not model:
            if not isinstance(model, Model):
                raise Unsupported(f"Model with name {name} is of type {type(model).__name__}, which has no predict.")
            steps = self._steps[name] = Steps(model)
        return steps

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Counts as in flight what goes on after the steps: an answer that is still being streamed."""
        self._in_flight += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._leave()

    def _enter(self) -> None:
        if self._draining:
            raise ServerNotReady("Server is shutting down.")
        limit = self._limits.concurrency
        if limit is not None and self._in_flight >= limit:
            raise Overloaded(limit)
        self._in_flight += 1
        self._idle.clear()

    def _leave(self) -> None:
        self._in_flight -= 1
        if not self._in_flight:
            self._idle.set()

    def _report(self, name: str, model: Model, headers: Headers, verb: InferenceVerb, timings: Timings) -> None:
        if self._observe is not None:
            self._observe(name, verb, timings)
        if self._log_latency and model.enable_latency_logging:
            self.lines.note(
                trace_logger,
                "requestId: %s, preprocess_ms: %.9f, explain_ms: %.9g, predict_ms: %.9f, postprocess_ms: %.9f",
                headers.get("x-request-id", "N.A."),
                timings.preprocess * 1000,
                timings.explain * 1000,
                timings.predict * 1000,
                timings.postprocess * 1000,
            )

    # -- repository and life --------------------------------------------------------------------------------------

    async def index(self, ready_only: bool = False) -> list[dict[str, str]]:
        """The registered models and their states (V2 repository index)."""
        entries = []
        for name in self.model_names():
            ready = await self.model_ready(name)
            if ready or not ready_only:
                entries.append({"name": name, "state": "READY" if ready else "UNAVAILABLE", "reason": ""})
        return entries

    async def load(self, name: str) -> None:
        """Load a model by name; ModelNotReady if that fails, with what was raised."""
        detail = None
        try:
            await _settled(self.model_registry.load(name))
        except (ModelApiError, OSError, RuntimeError, ValueError, LookupError, ImportError) as exc:
            logger.exception("loading model %s failed", name)
            detail = f"Error type: {type(exc).__name__} error msg: {exc}"
        if detail is not None or not await self.model_registry.is_model_ready(name):
            raise ModelNotReady(name, detail)

    async def unload(self, name: str) -> None:
        """Stop a model and take it out; ModelNotFound if there is none."""
        try:
            self.model_registry.unload(name)
        except KeyError as exc:
            raise ModelNotFound(name) from exc
        self._steps.pop(name, None)

    async def drain(self, grace: float) -> bool:
        """Take nothing new, and wait for what is in flight, `grace` seconds at most. True if all of it finished."""
        self._draining = True
        try:
            async with asyncio.timeout(grace):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def _model_of_version(self, name: str, version: str | None) -> BaseKServeModel:
        model = self.get_model_from_registry(name)
        check_version(model, version)
        return model


def versions_of(model: BaseKServeModel) -> list[str]:
    """The versions that a model says it has (`versions`), as text."""
    return [str(version) for version in getattr(model, "versions", None) or ()]


def check_version(model: BaseKServeModel, version: str | None) -> None:
    """Unsupported if the model has no versions, ModelNotFound if it has not this one."""
    if not version:
        return
    versions = versions_of(model)
    if not versions:
        raise Unsupported("Model versioning not supported yet.")
    if version not in versions:
        raise ModelNotFound(f"{model.name}, version {version}")


async def _healthy(model: BaseKServeModel) -> bool:
    if type(model).healthy is BaseKServeModel.healthy:
        return model.ready
    return bool(await _settled(model.healthy()))


async def _predictor_ready(model: Model) -> bool:
    try:
        return await model.predictor().ready(model.name)
    except ModelApiError as exc:
        logger.warning("the predictor of %s is not ready: %s", model.name, exc)
        return False


async def _settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value
