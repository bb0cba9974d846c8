"""The routes that show and change faults, called as an application calls them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from predictor_mock import admin
from predictor_mock.faults import Faults, FaultSettings


async def call(faults: Faults, method: str, body: bytes = b"") -> tuple[int, Any]:
    """Status and JSON of one request to the routes, in this process."""
    transport = httpx.ASGITransport(app=Starlette(routes=admin.routes(faults)))
    async with httpx.AsyncClient(transport=transport, base_url="http://mock") as client:
        response = await client.request(method, admin.PATH, content=body)
    return response.status_code, response.json() if response.content[:1] in (b"{", b"[") else None


async def test_get_shows_the_settings_and_how_often_they_struck() -> None:
    faults = Faults(FaultSettings(latency_ms=5, seed=3))

    status, shown = await call(faults, "GET")

    assert status == 200
    assert shown == {
        "latency_ms": 5,
        "jitter_ms": 0,
        "error_rate": 0,
        "error_status": 503,
        "seed": 3,
        "requests": 0,
        "errors": 0,
    }


async def test_put_replaces_the_settings() -> None:
    faults = Faults(FaultSettings(latency_ms=5))

    status, shown = await call(faults, "PUT", json.dumps({"error_rate": 0.5}).encode())

    assert (status, shown["error_rate"], shown["latency_ms"]) == (200, 0.5, 0)
    assert faults.settings == FaultSettings(error_rate=0.5)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b'{"error_rate": 2}', b'{"colour": 1}'])
async def test_a_body_that_makes_no_sense_changes_nothing_and_says_why(body: bytes) -> None:
    faults = Faults(FaultSettings(latency_ms=5))

    status, shown = await call(faults, "PUT", body)

    assert status == 400
    assert list(shown) == ["error"]
    assert faults.settings == FaultSettings(latency_ms=5)


async def test_other_methods_are_not_allowed() -> None:
    assert (await call(Faults(FaultSettings()), "POST"))[0] == 405
