"""ModelServer: what a user's main calls. It reads the flags, configures logging, loads the models and serves them.

`model_server.parser` and `model_server.app` are made when they are first asked for, so that importing this module reads
nothing and loads no web framework.
"""

import argparse
import asyncio
import inspect
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from modelapi import cli
from modelapi.config import PredictorConfig, ServerConfig
from modelapi.dataplane import DataPlane, Limits
from modelapi.errors import ModelApiError, NoModelReady
from modelapi.logging import configure_logging
from modelapi.model import BaseKServeModel, Model, Predictor
from modelapi.model_repository import ModelRepository

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.routing import BaseRoute

    from modelapi.protocol import dataplane as protocol_dataplane
    from modelapi.protocol.model_repository_extension import ModelRepositoryExtension
    from modelapi.server.run import Servers

DEFAULT_HTTP_PORT = ServerConfig.http_port
DEFAULT_GRPC_PORT = ServerConfig.grpc_port
logger = logging.getLogger(__name__)
ExceptionHandler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]


class ModelServer:
    """Serves models over V1 REST, V2 REST and V2 gRPC.

    An argument that is left out comes from the command line (KServe's flags), read when the server is made.

    Args:
        registered_models: a repository to register the models in.
        predictor_config: the predictor of models that have none of their own.
        extra_routes: Starlette routes of this server's own, on the REST port.
        (the others): as the flags of the same name; see `modelapi.cli`.
    """

    def __init__(
        self,
        http_port: int | None = None,
        grpc_port: int | None = None,
        workers: int | None = None,
        max_threads: int | None = None,
        max_asyncio_workers: int | None = None,
        registered_models: ModelRepository | None = None,
        enable_grpc: bool | None = None,
        enable_docs_url: bool | None = None,
        enable_latency_logging: bool | None = None,
        access_log_format: str | None = None,
        event_loop: str | None = None,
        timeout_keep_alive: int | None = None,
        grace_period: float | None = None,
        predictor_config: PredictorConfig | None = None,
        ssl_certfile: str | None = None,
        ssl_keyfile: str | None = None,
        *,
        host: str | None = None,
        extra_routes: Sequence["BaseRoute"] = (),
        argv: Sequence[str] | None = None,
    ) -> None:
        given = {name: value for name, value in locals().items() if name in ServerConfig.__dataclass_fields__}
        args = cli.parse(argv)
        config = cli.server_config(args)
        self.config = replace(config, **{name: value for name, value in given.items() if value is not None})
        self.predictor_config = predictor_config or cli.predictor_config(args)
        self.registered_models = registered_models or ModelRepository()
        self._extra_routes = extra_routes
        self._exception_handler: ExceptionHandler | None = None
        self._stopping: asyncio.Event | None = None
        self._hops: list[Predictor] = []
        if self.config.configure_logging:
            configure_logging(self.config.log_config_file)

    @cached_property
    def dataplane(self) -> "protocol_dataplane.DataPlane":
        """KServe's data plane over this server's models, for programs that ask them without a socket."""
        from modelapi.protocol.dataplane import DataPlane as KServesDataPlane

        return KServesDataPlane(self.registered_models)

    @cached_property
    def model_repository_extension(self) -> "ModelRepositoryExtension":
        """KServe's index, load and unload over this server's models."""
        from modelapi.protocol.model_repository_extension import ModelRepositoryExtension

        return ModelRepositoryExtension(self.registered_models)

    def register_model(self, model: BaseKServeModel, name: str | None = None) -> None:
        """Add a model, under its own name or under an alias."""
        if not model.name:
            raise ModelApiError("A model needs a name before it can be registered.")
        if isinstance(model, Model):
            model.bind(self.predictor_config, self._connect)
            model.enable_latency_logging = model.enable_latency_logging and self.config.enable_latency_logging
        self.registered_models.update(model, name)
        logger.info("registered model %s", name or model.name)

    def register_exception_handler(self, handler: ExceptionHandler) -> None:
        """What to do with an exception that reaches the event loop; by default it is logged."""
        self._exception_handler = handler

    def default_exception_handler(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what reached the event loop."""
        loop.default_exception_handler(context)

    def start(self, models: Sequence[BaseKServeModel]) -> None:
        """Load and serve the models until a signal or `stop`; ends the process with 1 if it cannot start."""
        from modelapi.server import workers

        place = workers.place_of(os.environ)
        try:
            if self.config.workers > 1 and place is None:
                _check(models)
                workers.supervise(self.config)
                return
            if place is not None:
                self.config = place.apply(self.config)
            self.load(models)
            self._run(self.serve(place.lifeline if place else None))
        except ModelApiError as exc:
            logger.error("%s", exc)  # noqa: TRY400 - a sentence for the operator, no traceback
            sys.exit(1)

    def stop(self, sig: int | None = None) -> None:
        """Drain and end; what a signal calls."""
        logger.info("stopping%s", f" on signal {sig}" if sig else "")
        if self._stopping is not None:
            self._stopping.set()

    def load(self, models: Sequence[BaseKServeModel]) -> None:
        """Register the models, and call `load` on those that are not ready.

        A model that is not ready after that answers 503 and keeps its name. Predictors are made here, so that the first
        request finds them, and an address that is none is found before anyone asks.

        Raises:
            RuntimeError: `models` is no list of models.
            PredictorNotConfigured: a model's `predictor_host` is no `host[:port]`.
            NoModelReady: not one of them is ready.
        """
        _check(models)
        for model in models:
            self.register_model(model)
            if isinstance(model, Model) and model.predictor_host:
                model.predictor()
            if not model.ready and not model.engine:
                _load(model)
        if models and not any(model.ready or model.engine for model in models):
            raise NoModelReady(models)

    async def serve(self, lifeline: int | None = None) -> None:
        """Listen, until `stop`, or until the pipe `lifeline` ends; then drain. Runs in the caller's event loop."""
        from modelapi import metrics
        from modelapi.server.run import Servers

        metrics.prepare()
        limits = Limits(self.config.max_concurrency)
        plane = DataPlane(self.registered_models, metrics.observe, limits, self.config.enable_latency_logging)
        self._stopping = asyncio.Event()
        if lifeline is not None:
            asyncio.get_running_loop().add_reader(lifeline, self._orphaned, lifeline)
        for model in self.registered_models.get_models().values():
            if model.engine:
                await model.start_engine()
        servers = Servers(self.config, plane, self._extra_routes, globals().get("app"))
        with _Signals(self.stop):  # before anything listens: whoever is told to stop by then stops in order
            await servers.start()
            await self._serve_until(self._stopping, servers)

    async def _serve_until(self, stopping: asyncio.Event, servers: "Servers") -> None:
        try:
            await stopping.wait()
        finally:
            await servers.stop(self.config.grace_period)
            await self._close()

    def _orphaned(self, lifeline: int) -> None:
        asyncio.get_running_loop().remove_reader(lifeline)
        logger.error("the parent of this worker is gone")
        self.stop()

    async def _close(self) -> None:
        for hop in self._hops:
            await hop.close()
        self._hops.clear()
        for model in self.registered_models.get_models().values():
            model.stop()
            if model.engine:
                model.stop_engine()

    def _connect(self, config: PredictorConfig) -> Predictor:
        from modelapi.predictors import connect

        hop = connect(config)
        if hop not in self._hops:
            self._hops.append(hop)
        return hop

    def _run(self, serving: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=_loop_factory(self.config.event_loop)) as runner:
            loop = runner.get_loop()
            loop.set_exception_handler(self._exception_handler or self.default_exception_handler)
            loop.set_default_executor(ThreadPoolExecutor(self.config.max_asyncio_workers, "asyncio"))
            runner.run(serving)


class _Signals:
    """SIGTERM and SIGINT call `stop`, as long as this is entered; outside the main thread, nothing does."""

    def __init__(self, stop: Callable[[int], None]) -> None:
        self._stop = stop
        self._set: list[signal.Signals] = []

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, self._stop, number)
            except (NotImplementedError, RuntimeError, ValueError):
                return
            self._set.append(number)

    def __exit__(self, *_exc: object) -> None:
        for number in self._set:
            asyncio.get_running_loop().remove_signal_handler(number)


def _check(models: object) -> None:
    """RuntimeError, as KServe raises it, if these are no models."""
    if not isinstance(models, list):
        raise RuntimeError("Unknown model collection type")  # noqa: TRY004
    for model in models:
        if not isinstance(model, BaseKServeModel):
            raise RuntimeError(f"Model type should be 'BaseKServeModel', and {model!r} is none.")  # noqa: TRY004


def _load(model: BaseKServeModel) -> None:
    started = model.load()
    if inspect.isawaitable(started):
        asyncio.run(_wait_for(started))


async def _wait_for(loading: Any) -> None:
    await loading


def _loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """The event loop that --event-loop names; `auto` is uvloop where it is installed."""
    if name == "asyncio":
        return asyncio.new_event_loop
    try:
        import uvloop
    except ImportError:
        if name == "uvloop":
            raise
        return asyncio.new_event_loop
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _make_app() -> "FastAPI":
    """KServe's `model_server.app`: a program adds its routes and its middleware to it before it starts the server."""
    from fastapi import FastAPI

    return FastAPI(openapi_url=None)  # the server has a document of its own, with the routes of this one in it


def __getattr__(name: str) -> Any:
    if name == "parser":
        globals()["parser"] = cli.build_parser()
        return globals()["parser"]
    if name == "args":
        globals()["args"] = cli.parse()
        return globals()["args"]
    if name == "app":
        globals()["app"] = _make_app()
        return globals()["app"]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if TYPE_CHECKING:
    parser: argparse.ArgumentParser
    args: argparse.Namespace
    app: FastAPI
