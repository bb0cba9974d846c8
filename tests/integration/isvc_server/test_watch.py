"""A watch loses nothing, doubles nothing, and keeps the order: over HTTP, beside a thousand random writes."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.isvc_server.apiserver import SERVICES, ApiServer, api_server, service
from isvc.server.resources import INFERENCE_SERVICES

WRITES = 1000
LAST = "the-last"
NAMES = [f"service-{index}" for index in range(25)]
Event = tuple[str, str, int]
"""Type, name and resourceVersion."""


async def events(client: httpx.AsyncClient, **query: str) -> AsyncIterator[dict[str, Any]]:
    async with client.stream("GET", SERVICES, params={"watch": "true", **query}) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            yield json.loads(line)


def seen(event: dict[str, Any]) -> Event:
    given = event["object"]["metadata"]
    return event["type"], given["name"], int(given["resourceVersion"])


async def watch(api: ApiServer, since: str, breaks: random.Random | None = None) -> list[Event]:
    """Everything from `since` to the last object, in one connection or with `breaks` in many.

    Each begins where the one before was cut.
    """
    found: list[Event] = []
    while not found or found[-1][1] != LAST:
        version = str(found[-1][2]) if found else since
        async with api.client() as client, aclosing(events(client, resourceVersion=version)) as stream:
            for _ in range(breaks.randint(1, 40) if breaks else 2 * WRITES):
                found.append(seen(await anext(stream)))
                if found[-1][1] == LAST:
                    break
    return found


async def write_at_random(client: httpx.AsyncClient, chance: random.Random) -> None:
    """A thousand writes that succeed: creates, updates of all three kinds, deletes."""
    there: set[str] = set()
    for number in range(WRITES):
        name = chance.choice(NAMES)
        address = f"{SERVICES}/{name}"
        if name not in there:
            answer = await client.post(SERVICES, json=service(name, number=str(number)))
            there.add(name)
        elif chance.random() < 0.3:
            answer = await client.delete(address)
            there.discard(name)
        elif chance.random() < 0.5:
            change = {"metadata": {"annotations": {"number": str(number)}}}
            answer = await client.patch(address, json=change, headers={"content-type": "application/merge-patch+json"})
        else:
            body = (await client.get(address)).json()
            body["spec"]["predictor"]["minReplicas"] = number
            answer = await client.put(address, json=body)
        assert answer.status_code in (200, 201), answer.text


def state(found: list[Event]) -> dict[str, int]:
    """What one who believes the events thinks there is."""
    there: dict[str, int] = {}
    for kind, name, version in found:
        assert (name in there) is (kind != "ADDED"), f"{kind} of {name} at {version}"
        if kind == "DELETED":
            del there[name]
        else:
            there[name] = version
    return there


async def test_three_watchers_end_with_what_is_stored_after_a_thousand_random_writes(api: ApiServer) -> None:
    chance = random.Random(8)
    async with api.client() as client:
        since = (await client.get(SERVICES)).json()["metadata"]["resourceVersion"]
        watchers = [asyncio.create_task(watch(api, since, breaks)) for breaks in (None, None, random.Random(9))]
        await write_at_random(client, chance)
        await client.post(SERVICES, json=service(LAST))
        listed = (await client.get(SERVICES)).json()["items"]
    found = [await asyncio.wait_for(watcher, 60) for watcher in watchers]
    stored = {item["metadata"]["name"]: int(item["metadata"]["resourceVersion"]) for item in listed}
    history = api.store.events_since(int(since), INFERENCE_SERVICES, limit=2 * WRITES)
    assert len(history) == WRITES + 1
    for each in found:
        versions = [version for _, _, version in each]
        assert versions == [event.version for event in history]
        assert [kind for kind, _, _ in each] == [event.kind for event in history]
        assert state(each) == stored


async def test_a_watch_without_a_version_begins_with_what_there_is(api: ApiServer) -> None:
    async with api.client() as client:
        await client.post(SERVICES, json=service("first"))
        async with aclosing(events(client)) as stream:
            assert seen(await anext(stream))[:2] == ("ADDED", "first")


async def test_a_watch_ends_when_its_time_is_over_and_says_how_far_it_came(api: ApiServer) -> None:
    async with api.client() as client:
        found = [event async for event in events(client, timeoutSeconds="1", allowWatchBookmarks="true")]
    assert [event["type"] for event in found] == ["BOOKMARK"]
    assert found[0]["object"]["metadata"]["resourceVersion"] == str(api.store.version)


async def test_a_watch_that_asks_for_initial_events_is_told_where_they_end(api: ApiServer) -> None:
    query = {"sendInitialEvents": "true", "allowWatchBookmarks": "true", "resourceVersionMatch": "NotOlderThan"}
    async with api.client() as client:
        await client.post(SERVICES, json=service("first"))
        async with aclosing(events(client, **query)) as stream:
            found = [await anext(stream), await anext(stream)]
    assert [event["type"] for event in found] == ["ADDED", "BOOKMARK"]
    assert found[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_version_older_than_the_history_is_answered_410(tmp_path: Path) -> None:
    async with api_server(tmp_path, history=10) as api, api.client() as client:
        await client.post(SERVICES, json=service("first"))
        change = {"content-type": "application/merge-patch+json"}
        for number in range(520):
            body = {"metadata": {"annotations": {"number": str(number)}}}
            await client.patch(f"{SERVICES}/first", json=body, headers=change)
        found = [event async for event in events(client, resourceVersion="1")]
    assert [event["type"] for event in found] == ["ERROR"]
    assert (found[0]["object"]["code"], found[0]["object"]["reason"]) == (410, "Expired")


async def test_an_object_that_leaves_the_selector_is_deleted_for_its_watcher(api: ApiServer) -> None:
    async with api.client() as client:
        since = (await client.post(SERVICES, json=service("mine"))).json()["metadata"]["resourceVersion"]
        change = {"content-type": "application/merge-patch+json"}
        for team in ("a", "b"):
            body = {"metadata": {"labels": {"team": team}}}
            await client.patch(f"{SERVICES}/mine", json=body, headers=change)
        async with aclosing(events(client, labelSelector="team=a", resourceVersion=since)) as stream:
            assert seen(await anext(stream))[:2] == ("ADDED", "mine")
            assert seen(await anext(stream))[:2] == ("DELETED", "mine")


async def test_a_watcher_that_leaves_is_forgotten(api: ApiServer, caplog: pytest.LogCaptureFixture) -> None:
    before = api.store.subscribers
    async with api.client() as client:
        await client.post(SERVICES, json=service("first"))
        async with aclosing(events(client)) as stream:
            await anext(stream)
            await until(lambda: api.store.subscribers > before)
    await until(lambda: api.store.subscribers == before)
    assert [record for record in caplog.records if record.exc_info] == []


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not become so within 30 s")


async def test_a_watch_ends_with_the_server_without_a_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    serving = api_server(tmp_path)
    api = await serving.__aenter__()
    async with api.client() as client:
        await client.post(SERVICES, json=service("first"))
        async with aclosing(events(client)) as stream:
            await anext(stream)
            rest = asyncio.create_task(anext(stream, None))
            await asyncio.sleep(0)
            await serving.__aexit__(None, None, None)
            assert await asyncio.wait_for(rest, 10) is None
    assert [record for record in caplog.records if record.exc_info] == []
