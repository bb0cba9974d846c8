"""The way of a request: health aside, logged, put into a batch if it is a V1 prediction, forwarded."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from kserve_agent.batches import Batcher
from kserve_agent.events import REQUEST, RESPONSE, Source, event
from kserve_agent.logger import EventSender

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "content-length", "content-encoding"}
)
MAX_BODY = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Logging:
    sender: EventSender
    source: Source
    mode: str
    """`all`, `request` or `response`."""


@dataclass
class Proxy:
    component: str
    """`host:port`."""
    session: aiohttp.ClientSession
    logging: Logging | None = None
    batcher: Batcher | None = None
    turns: asyncio.Semaphore | None = None
    """Of the requests that may be at the component at once; others wait."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.turns is None or request.method != "POST":  # health is asked past the queue
            return await self._handle(request)
        async with self.turns:
            return await self._handle(request)

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.logging is None or request.method != "POST":
            return await self._answer(request, body)
        request_id = request.headers.get("Ce-Id") or str(uuid.uuid4())
        await self._log(REQUEST, "request", request, request_id, body)
        answer = await self._answer(request, body)
        if answer.status == 200:
            data = answer.body if isinstance(answer.body, bytes) else b""
            await self._log(RESPONSE, "response", request, request_id, data)
        return answer

    async def _log(self, kind: str, mode: str, request: web.Request, request_id: str, body: bytes) -> None:
        logging = self.logging
        if logging is not None and logging.mode in ("all", mode):
            now = datetime.now(UTC)
            await logging.sender.send(
                event(kind, logging.source, request_id, request.path, dict(request.headers), body, now)
            )

    async def _answer(self, request: web.Request, body: bytes) -> web.Response:
        if self.batcher is None or not request.path.endswith(":predict") or request.method != "POST":
            return await self._forward(request, body)
        instances = _instances(body)
        if instances is None:
            return web.json_response({"error": "a batch takes V1 bodies: an object with instances"}, status=400)
        return web.json_response(await self.batcher.predict(request.path, instances))

    async def _forward(self, request: web.Request, body: bytes) -> web.Response:
        url = f"http://{self.component}{request.raw_path}"
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            async with self.session.request(
                request.method, url, data=body or None, headers=headers, allow_redirects=False
            ) as answer:
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)
        except aiohttp.ClientError as exc:
            return web.json_response({"error": f"the component at {self.component} does not answer: {exc}"}, status=503)

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """One POST of the batcher's own: as in KServe, without the headers of those whose instances it carries."""
        try:
            async with self.session.post(f"http://{self.component}{path}", data=body) as answer:
                return answer.status, await answer.read()
        except aiohttp.ClientError as exc:
            raise OSError(str(exc)) from exc


def _instances(body: bytes) -> list[Any] | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    instances = found.get("instances") if isinstance(found, dict) else None
    return instances if isinstance(instances, list) and instances else None
