"""`kill -9` of the control plane at random moments of a load that creates, changes and deletes objects.

After each restart an object is there or is not, whole, as one of the requests that were made would have it; at the end
what runs agrees with what is stored, and after its deletion nothing is left. CONTROL_PLANE_KILLS=100 is the long form.
"""

from __future__ import annotations

import copy
import os
import random
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from e2e.plane import Plane, light_checkout, light_service, until
from e2e.stack import Stack, curl
from isvc.errors import StackError
from isvc.server import control
from isvc.server.client import Client
from isvc.server.resources import INFERENCE_SERVICES

pytestmark = pytest.mark.e2e

KILLS = int(os.environ.get("CONTROL_PLANE_KILLS", "6"))
NAMES = ("one", "two", "three")
Object = dict[str, Any]


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    light_checkout(tmp_path)
    made = Plane(Stack(tmp_path / "state", "process", f"e2e-kills-{os.getpid()}"), folder=tmp_path)
    yield made
    made.end()


def word_of(body: Object | None) -> str | None:
    """What tells one version of the object from another; None where it is not there or is on its way out."""
    if body is None or "deletionTimestamp" in body["metadata"]:
        return None
    word: str = body["spec"]["predictor"]["containers"][0]["args"][0]
    return word


class Load:
    """Creates, changes and deletes at random. Knows of each object what it may be: what was answered last, and, where
    an answer did not come, what was asked."""

    def __init__(self, plane: Plane, seed: int) -> None:
        self._root = plane.stack.state / plane.stack.project
        self._random = random.Random(seed)
        self.may_be: dict[str, set[str | None]] = {name: {None} for name in NAMES}
        self.requests = 0
        self.wrong: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join(60)

    def client(self) -> Client:
        found = control.find(self._root)
        if found is None:
            raise StackError("there is no control plane now")
        return Client(found)

    def _run(self) -> None:
        while not self._ended.wait(0.02):
            name = self._random.choice(NAMES)
            try:
                self._step(name)
            except StackError:
                continue

    def _step(self, name: str) -> None:
        client = self.client()
        body = client.get(INFERENCE_SERVICES, "default", name)
        self.check(name, word_of(body))
        if body is not None and "deletionTimestamp" in body["metadata"]:
            return
        self.requests += 1
        word = f"{name}-{self.requests}"
        if body is None:
            self._asked(name, word, lambda: client.create(INFERENCE_SERVICES, "default", light_service(name, word)))
        elif self._random.random() < 0.5:
            self._asked(name, None, lambda: client.delete(INFERENCE_SERVICES, "default", name))
        else:
            changed = copy.deepcopy(body)
            changed["spec"]["predictor"]["containers"][0]["args"] = [word]
            self._asked(name, word, lambda: client.replace(INFERENCE_SERVICES, "default", changed))

    def _asked(self, name: str, word: str | None, request: Any) -> None:
        self.may_be[name].add(word)
        try:
            request()
        except StackError as exc:
            if "answered 409" in str(exc):  # the controller has written meanwhile: refused, so nothing was done
                self.may_be[name].discard(word)
            raise
        self.may_be[name] = {word}

    def check(self, name: str, word: str | None) -> None:
        if word not in self.may_be[name]:
            self.wrong.append(f"{name} is {word!r} and may be {self.may_be[name]}")
        self.may_be[name] = {word}


def test_no_kill_loses_an_object_or_leaves_a_process(plane: Plane) -> None:
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    plane.start()
    with Load(plane, seed) as load:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.0, 1.5))
            plane.kill()
            plane.start()
        time.sleep(1)
    assert not load.wrong, f"seed {seed}: {load.wrong}"
    assert load.requests > KILLS
    agrees(plane, load)
    plane.kubectl("delete", "isvc", "--all", timeout=120)
    until(
        lambda: not [p for p in plane.stack.leftovers() if "isvc.backends.process" in p or "model.py" in p], "the end"
    )
    assert plane.stop() == 0
    assert plane.stack.leftovers() == []


def agrees(plane: Plane, load: Load) -> None:
    """Every object that is stored runs, as it is stored; nothing else does."""
    client = load.client()
    for name in NAMES:
        until(partial(settled, client, name), f"the end of {name}")
        body = client.get(INFERENCE_SERVICES, "default", name)
        load.check(name, word_of(body))
        if body is not None:
            plane.wait_ready(name)
            until(partial(answers, plane, name, str(word_of(body))), f"{name} as stored")
    assert not load.wrong
    stored = {body["metadata"]["name"] for body in client.list(INFERENCE_SERVICES)}
    assert set(plane.stack.get()) == stored


def settled(client: Client, name: str) -> bool:
    """Not on its way out."""
    body = client.get(INFERENCE_SERVICES, "default", name)
    return body is None or "deletionTimestamp" not in body["metadata"]


def answers(plane: Plane, name: str, word: str) -> bool:
    _, body = curl(plane.stack, name, "/")
    return bool(body == word)
