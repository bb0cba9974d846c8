"""The API on its socket, beside the tasks that go with it, until one of them fails or it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from isvc.errors import PortTaken, WaitTimeout
from isvc.server.api import app
from isvc.server.kubeconfig import Access
from isvc.server.resources import Views
from isvc.server.store import Store

HOST = "127.0.0.1"
_STARTS_WITHIN = 10.0
_ENDS_WITHIN = 2
"""Seconds for answers under way; a watch has no end of its own."""


def listen(port: int, otherwise: int | None = None) -> socket.socket:
    """A socket on `port`, or where that is taken on `otherwise`. Raises PortTaken."""
    # asyncio answers without delay (TCP_NODELAY) only where the socket says that it is TCP.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError as exc:
        bound.close()
        if otherwise is None:
            raise PortTaken(port) from exc
        return listen(otherwise)
    return bound


@asynccontextmanager
async def api(store: Store, views: Views, access: Access, bound: socket.socket) -> AsyncIterator[int]:
    """The API, answering for the time of the block. Its port."""
    ending = asyncio.Event()
    config = uvicorn.Config(
        app(store, views, access.token, ending),
        ssl_certfile=str(access.certificate),
        ssl_keyfile=str(access.key),
        log_config=None,
        log_level="error",
        ws="none",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=_ENDS_WITHIN,
        timeout_keep_alive=75,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([bound]))
    try:
        await _started(server, task)
        yield bound.getsockname()[1]
    finally:
        ending.set()
        server.should_exit = True
        await task


async def until_told(tasks: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Runs `tasks` until SIGINT or SIGTERM. An error of one ends all, and is raised."""
    told = asyncio.Event()
    with _on_signals(told.set):
        running = [asyncio.ensure_future(task()) for task in tasks]
        end: asyncio.Future[Any] = asyncio.ensure_future(told.wait())
        try:
            await asyncio.wait([*running, end], return_when=asyncio.FIRST_COMPLETED)
            for task in running:
                if task.done():
                    task.result()
        finally:
            end.cancel()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, end, return_exceptions=True)


class _Server(uvicorn.Server):
    """Leaves signals to the one who runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _started(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    try:
        async with asyncio.timeout(_STARTS_WITHIN):
            while not server.started:
                if task.done():
                    task.result()
                    raise WaitTimeout("the API to answer", 0)
                await asyncio.sleep(0.01)
    except TimeoutError as exc:
        raise WaitTimeout("the API to answer", _STARTS_WITHIN) from exc


@contextmanager
def _on_signals(call: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    kinds = (signal.SIGINT, signal.SIGTERM)
    for kind in kinds:
        loop.add_signal_handler(kind, call)
    try:
        yield
    finally:
        for kind in kinds:
            loop.remove_signal_handler(kind)
