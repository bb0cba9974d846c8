"""Both servers in one event loop: listen, serve, drain. Signals and worker processes are ModelServer's business."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from modelapi.codec import cloudevents
from modelapi.config import ServerConfig
from modelapi.dataplane import DataPlane
from modelapi.errors import AddressTaken
from modelapi.server import routes
from modelapi.server.access_log import AccessLog, RequestLog
from modelapi.server.grpc import InferenceService
from modelapi.server.grpc_services import add_services
from modelapi.server.joined_writes import JoinedWrites
from modelapi.server.rest import RestApplication

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.routing import BaseRoute

logger = logging.getLogger(__name__)
_START_SECONDS = 30.0
_CLOSE_SECONDS = 2.0


class _QuietProtocol(HttpToolsProtocol):
    """uvicorn's HTTP, cheaper: an answer's headers and body leave in one write, and its access lines are written by
    `server.access_log`, in the same words.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(JoinedWrites(transport))  # type: ignore[arg-type]  # what uvicorn uses of a transport


class _RestServer(uvicorn.Server):
    """uvicorn without its signal handlers, and with an event for "it listens"."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.listening.set()


class Servers:
    """The REST and the gRPC server of one process.

    `start` listens, `stop` drains and closes. Port 0 in the configuration means a free port: `http_port` and
    `grpc_port` say which one it became.
    """

    def __init__(
        self,
        config: ServerConfig,
        plane: DataPlane,
        extra_routes: Sequence["BaseRoute"] = (),
        user_app: "Starlette | None" = None,
    ) -> None:
        self.config = config
        self.plane = plane
        self.http_port = config.http_port
        self.grpc_port = config.grpc_port
        self._extra_routes = extra_routes
        self._user_app = user_app
        self._rest: _RestServer | None = None
        self._rest_task: asyncio.Task[None] | None = None
        self._grpc: grpc.aio.Server | None = None

    @property
    def application(self) -> Any:
        """The ASGI application: predictions first, then the other routes; for tests and for other servers."""
        application: Any = RestApplication(
            self.plane, self._other_routes(), self.config.max_body_bytes, cloudevents.settings(os.environ)
        )
        if self._user_app is not None:
            from modelapi.server import user_routes

            application = user_routes.over(application, self._user_app)
        if self.config.access_log_format:
            return AccessLog(application, self.config.access_log_format, self.plane.lines)
        return RequestLog(application, self.plane.lines)

    def _other_routes(self) -> Any:
        own = self._user_app.routes if self._user_app is not None else ()
        limit, docs = self.config.max_body_bytes, self.config.enable_docs_url
        others = routes.Routes(self.plane, limit, docs, (*self._extra_routes, *own))
        if not self._extra_routes:
            return others
        from modelapi.server import user_routes

        return user_routes.before(others, self._extra_routes)

    async def start(self) -> None:
        """Listen on both ports; AddressTaken if one is in use."""
        listener = _listen(self.config.host, self.config.http_port, self.config.workers > 1)
        self.http_port = listener.getsockname()[1]
        try:
            if self.config.enable_grpc:
                await self._start_grpc()
            await self._start_rest(listener)
        except BaseException:
            listener.close()
            await self.stop(0)
            raise

    async def stop(self, grace: float) -> None:
        """Finish what is in flight, `grace` seconds at most, answer 503 to what comes meanwhile, then close."""
        drained = await self.plane.drain(grace)
        self.plane.lines.flush()
        if not drained:
            logger.warning("%d requests were still running after %s seconds", self.plane.in_flight, grace)
        if self._grpc is not None:
            await self._grpc.stop(_CLOSE_SECONDS)
        if self._rest is not None and self._rest_task is not None:
            self._rest.should_exit = True
            await asyncio.wait_for(self._rest_task, _CLOSE_SECONDS * 3)
        self._grpc = self._rest = self._rest_task = None

    async def _start_rest(self, listener: socket.socket) -> None:
        config = uvicorn.Config(
            self.application,
            loop="none",
            http=_QuietProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            proxy_headers=False,
            server_header=False,
            log_config=None,
            timeout_keep_alive=self.config.timeout_keep_alive,
            timeout_graceful_shutdown=int(_CLOSE_SECONDS),
            ssl_certfile=self.config.ssl_certfile,
            ssl_keyfile=self.config.ssl_keyfile,
        )
        self._rest = _RestServer(config)
        self._rest_task = asyncio.create_task(self._rest.serve(sockets=[listener]), name="rest")
        listening = asyncio.create_task(self._rest.listening.wait())
        await asyncio.wait({self._rest_task, listening}, timeout=_START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            listening.cancel()
            raise RuntimeError(f"The REST server did not start within {_START_SECONDS} seconds; its log says why.")
        logger.info("REST on %s:%d", self.config.host, self.http_port)

    async def _start_grpc(self) -> None:
        config = self.config
        server = grpc.aio.server(
            options=[
                ("grpc.max_send_message_length", config.grpc_max_send_message_length),
                ("grpc.max_receive_message_length", config.grpc_max_receive_message_length),
                ("grpc.so_reuseport", int(config.workers > 1)),
            ]
        )
        server.add_generic_rpc_handlers((InferenceService(self.plane).handler(),))
        add_services(server, self.plane)
        address = f"{config.host}:{config.grpc_port}"
        try:
            self.grpc_port = _add_port(server, address, config)
        except RuntimeError as exc:
            raise AddressTaken(config.host, config.grpc_port, "--grpc_port", exc) from exc
        await server.start()
        self._grpc = server
        logger.info("gRPC on %s:%d", config.host, self.grpc_port)


def _add_port(server: grpc.aio.Server, address: str, config: ServerConfig) -> int:
    if not (config.ssl_certfile and config.ssl_keyfile):
        return int(server.add_insecure_port(address))
    pair = (Path(config.ssl_keyfile).read_bytes(), Path(config.ssl_certfile).read_bytes())
    return int(server.add_secure_port(address, grpc.ssl_server_credentials([pair])))


def _listen(host: str, port: int, shared: bool) -> socket.socket:
    """A listening address for HTTP; `shared` lets other workers listen on it too."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
    except OSError as exc:
        listener.close()
        raise AddressTaken(host, port, "--http_port", exc.strerror) from exc
    listener.setblocking(False)
    return listener
