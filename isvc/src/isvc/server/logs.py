"""`kubectl logs`: the options of its query, and the first lines before an answer is begun."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import datetime

from isvc.server.errors import BadRequest
from isvc.server.resources import Views
from isvc.server.target import Target

_PATIENCE = 1.0
"""Seconds in which an error is still told by a status code."""


async def log_lines(views: Views, to: Target, query: Mapping[str, str], now: float) -> AsyncGenerator[bytes, None]:
    """Lines, once it is known that there is such a pod and container. Raises NotFound, BadRequest."""
    if query.get("previous", "") == "true":
        raise BadRequest(f'previous terminated container in pod "{to.name}" not found; its lines are in the log itself')
    lines = views.logs(
        to.namespace or "",
        to.name,
        query.get("container") or None,
        follow=query.get("follow", "") in ("true", "1"),
        tail=_number(query, "tailLines"),
        since=_since(query, now),
        timestamps=query.get("timestamps", "") in ("true", "1"),
    )
    first = asyncio.ensure_future(_next(lines))
    done, _ = await asyncio.wait([first], timeout=_PATIENCE)
    if done:
        first.result()
    return _limited(_with_first(first, lines), _number(query, "limitBytes"))


async def _next(lines: AsyncIterator[bytes]) -> bytes | None:
    return await anext(lines, None)


async def _with_first(first: asyncio.Future[bytes | None], lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        line = await first
    except asyncio.CancelledError:
        first.cancel()
        raise
    if line is None:
        return
    yield line
    async for line in lines:
        yield line


async def _limited(lines: AsyncIterator[bytes], limit: int | None) -> AsyncGenerator[bytes, None]:
    left = limit
    async for line in lines:
        if left is not None:
            line, left = line[:left], left - len(line)
        yield line
        if left is not None and left <= 0:
            return


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not text.isdigit():
        raise BadRequest(f'{name}: Invalid value: "{text}": write a whole number from 0')
    return int(text)


def _since(query: Mapping[str, str], now: float) -> float | None:
    seconds, moment = _number(query, "sinceSeconds"), query.get("sinceTime", "")
    if seconds is not None:
        return now - seconds
    if not moment:
        return None
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError as exc:
        raise BadRequest(f'sinceTime: Invalid value: "{moment}": write a time as 2026-01-31T12:00:00Z') from exc
