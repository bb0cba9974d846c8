"""Whatever a request says, the answer is one that Kubernetes could give: never the server's own failure."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest

from integration.isvc_server.apiserver import SERVICES, ApiServer, service

ROUNDS = 80
VALUES: tuple[Any, ...] = (
    None,
    0,
    -1,
    1.5,
    True,
    "",
    "text",
    "\0",
    "ü" * 300,
    [],
    {},
    [None],
    [[]],
    {"": ""},
    {"a": None},
)
FULL = {
    **service("one"),
    "metadata": {
        "name": "one",
        "namespace": "default",
        "labels": {"a": "b"},
        "annotations": {"serving.kserve.io/deploymentMode": "Knative"},
        "finalizers": ["x/y"],
        "ownerReferences": [{"uid": "1"}],
        "managedFields": [
            {"manager": "m", "operation": "Update", "apiVersion": "v1", "time": "t", "fieldsV1": {"f:a": {}}}
        ],
        "resourceVersion": "1",
        "uid": "1",
    },
    "status": {"url": "x", "conditions": [{"type": "Ready", "status": "True"}]},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def broken(chance: random.Random) -> dict[str, Any]:
    """A full object with something else in one or two places."""
    body = copy.deepcopy(FULL)
    for _ in range(chance.randint(1, 2)):
        path = chance.choice(list(places(body)))
        holder: Any = body
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = chance.choice(VALUES)
    return body


@pytest.mark.parametrize("seed", range(3))
async def test_no_object_however_broken_makes_the_server_fail(api: ApiServer, seed: int) -> None:
    chance = random.Random(seed)
    kinds = ("application/merge-patch+json", "application/apply-patch+yaml")
    async with api.client() as client:
        for _ in range(ROUNDS):
            body = broken(chance)
            await client.post(SERVICES, json=service("one"))
            kind = chance.choice(kinds)
            for answer in (
                await client.post(SERVICES, json=body),
                await client.put(f"{SERVICES}/one", json=body),
                await client.patch(f"{SERVICES}/one", json=body, headers={"content-type": kind}),
                await client.patch(f"{SERVICES}/one/status", json=body, headers={"content-type": kind}),
                await client.get(SERVICES, headers={"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}),
            ):
                assert answer.status_code < 500, (
                    f"{answer.request.method} {answer.request.url} {kind} {body}\n{answer.text}"
                )
            await client.patch(
                f"{SERVICES}/one", json={"metadata": {"finalizers": None}}, headers={"content-type": kinds[0]}
            )
            await client.delete(f"{SERVICES}/one")
