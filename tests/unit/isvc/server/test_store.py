"""The store's rules, without a socket: versions, conflicts, generations, finalizers, managers, what a crash leaves."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from isvc.server.errors import AlreadyExists, Conflict, Expired, NotFound
from isvc.server.resources import CONFIG_MAPS, INFERENCE_SERVICES, NAMESPACES, Object
from isvc.server.store import Preconditions, Store


@pytest.fixture
def store(tmp_path: Path):
    opened = Store(tmp_path / "objects.db")
    yield opened
    opened.close()


def service(name: str = "one", **spec: object) -> Object:
    return {"metadata": {"name": name}, "spec": {"predictor": {}, **spec}}


def test_an_object_gets_what_is_the_systems_to_give(store):
    body = service() | {"status": {"url": "mine"}}
    body["metadata"] |= {"uid": "mine", "generation": 9, "resourceVersion": "9", "creationTimestamp": None}
    made = store.create(INFERENCE_SERVICES, body, manager="kubectl")
    given = made["metadata"]
    assert (given["namespace"], given["generation"], given["resourceVersion"]) == ("default", 1, "1")
    assert given["uid"] != "mine"
    assert given["creationTimestamp"].endswith("Z")
    assert given["managedFields"][0]["fieldsV1"] == {"f:spec": {"f:predictor": {}}}
    assert "status" not in made
    assert (made["apiVersion"], made["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")


def test_a_second_object_of_a_name_is_refused_and_the_first_stays(store):
    first = store.create(INFERENCE_SERVICES, service())
    with pytest.raises(AlreadyExists):
        store.create(INFERENCE_SERVICES, service(extra=1))
    assert store.get(INFERENCE_SERVICES, "default", "one") == first


def test_the_generation_counts_changes_of_what_is_wanted_and_nothing_else(store):
    made = store.create(INFERENCE_SERVICES, service())
    made["metadata"]["labels"] = {"a": "b"}
    labelled = store.update(INFERENCE_SERVICES, made)
    labelled["spec"]["transformer"] = {}
    changed = store.update(INFERENCE_SERVICES, labelled)
    changed["status"] = {"url": "x"}
    told = store.update_status(INFERENCE_SERVICES, changed)
    assert [body["metadata"]["generation"] for body in (labelled, changed, told)] == [1, 2, 2]


def test_an_update_cannot_write_the_status_and_a_status_update_nothing_else(store):
    made = store.create(INFERENCE_SERVICES, service())
    told = store.update_status(INFERENCE_SERVICES, {**made, "status": {"url": "x"}, "spec": {"lost": True}})
    assert (told["status"], told["spec"]) == ({"url": "x"}, {"predictor": {}})
    written = store.update(INFERENCE_SERVICES, {**told, "status": {"url": "forged"}, "spec": {"predictor": {"a": 1}}})
    assert (written["status"], written["spec"]) == ({"url": "x"}, {"predictor": {"a": 1}})


def test_what_changes_nothing_is_no_write(store):
    made = store.create(INFERENCE_SERVICES, service(), manager="a")
    assert store.update(INFERENCE_SERVICES, made, manager="a") == made
    assert store.version == 1


def test_a_write_from_a_stale_copy_is_refused_and_one_without_a_version_is_not(store):
    stale = store.create(INFERENCE_SERVICES, service())
    store.update(INFERENCE_SERVICES, {**stale, "spec": {"a": 1}})
    with pytest.raises(Conflict):
        store.update(INFERENCE_SERVICES, {**stale, "spec": {"a": 2}})
    del stale["metadata"]["resourceVersion"]
    assert store.update(INFERENCE_SERVICES, {**stale, "spec": {"a": 2}})["spec"] == {"a": 2}


def test_an_object_with_finalizers_goes_with_the_last_of_them(store):
    body = service()
    body["metadata"]["finalizers"] = ["mine"]
    store.create(INFERENCE_SERVICES, body)
    doomed, gone = store.delete(INFERENCE_SERVICES, "default", "one")
    assert not gone
    assert "deletionTimestamp" in doomed["metadata"]
    doomed["metadata"]["finalizers"] = ["mine", "another"]
    assert store.update(INFERENCE_SERVICES, doomed)["metadata"]["finalizers"] == ["mine"], "no new reasons to wait"
    doomed["metadata"].pop("finalizers")
    store.update(INFERENCE_SERVICES, doomed)
    with pytest.raises(NotFound):
        store.get(INFERENCE_SERVICES, "default", "one")
    assert [event.kind for event in store.events_since(0)] == ["ADDED", "MODIFIED", "DELETED"]


def test_a_delete_of_another_object_than_the_one_meant_is_refused(store):
    store.create(INFERENCE_SERVICES, service())
    with pytest.raises(Conflict):
        store.delete(INFERENCE_SERVICES, "default", "one", only=Preconditions(uid="another"))
    assert store.list(INFERENCE_SERVICES).items


def test_a_field_belongs_to_the_last_manager_that_changed_it(store):
    made = store.create(CONFIG_MAPS, {"metadata": {"name": "c"}, "data": {"a": "1", "b": "1"}}, manager="first")
    made["data"]["b"] = "2"
    changed = store.update(CONFIG_MAPS, made, manager="second")
    owned = {entry["manager"]: entry["fieldsV1"] for entry in changed["metadata"]["managedFields"]}
    assert owned == {"first": {"f:data": {"f:a": {}}}, "second": {"f:data": {"f:b": {}}}}


def test_a_list_is_of_one_namespace_or_of_all_and_says_its_version(store):
    for namespace in ("b", "a"):
        body = service()
        body["metadata"]["namespace"] = namespace
        store.create(INFERENCE_SERVICES, body)
    store.create(NAMESPACES, {"metadata": {"name": "a"}})
    listing = store.list(INFERENCE_SERVICES)
    assert [item["metadata"]["namespace"] for item in listing.items] == ["a", "b"]
    assert listing.version == 3
    assert len(store.list(INFERENCE_SERVICES, "a").items) == 1


def test_a_dry_run_leaves_no_trace(store):
    made = store.create(INFERENCE_SERVICES, service(), dry_run=True)
    assert made["metadata"]["name"] == "one"
    assert (store.version, store.list(INFERENCE_SERVICES).items) == (0, [])


def test_a_history_that_begins_later_and_a_version_of_another_store_are_expired(tmp_path):
    store = Store(tmp_path / "objects.db", history=10)
    body = store.create(CONFIG_MAPS, {"metadata": {"name": "c"}})
    for number in range(600):
        body["data"] = {"n": str(number)}
        body = store.update(CONFIG_MAPS, body)
    for version in (1, 10_000):
        with pytest.raises(Expired):
            store.events_since(version)
    assert store.events_since(store.version) == []
    store.close()


def test_versions_go_on_where_they_were_after_all_events_are_forgotten(tmp_path):
    store = Store(tmp_path / "objects.db", history=0)
    body = store.create(CONFIG_MAPS, {"metadata": {"name": "c"}})
    for number in range(300):
        body["data"] = {"n": str(number)}
        body = store.update(CONFIG_MAPS, body)
    before = store.version
    store.close()
    again = Store(tmp_path / "objects.db")
    assert again.version == before == 301
    again.close()


async def test_a_subscriber_is_told_of_writes_from_another_thread(store):
    async def first() -> str:
        async for event in store.subscribe(CONFIG_MAPS):
            return str(event.object["metadata"]["name"])
        return ""

    waiting = asyncio.create_task(first())
    await asyncio.sleep(0)
    await asyncio.to_thread(store.create, INFERENCE_SERVICES, service("not-asked-for"))
    await asyncio.to_thread(store.create, CONFIG_MAPS, {"metadata": {"name": "c"}})
    assert await asyncio.wait_for(waiting, 10) == "c"


_WRITER = """
import sys
from pathlib import Path
from isvc.server.resources import CONFIG_MAPS
from isvc.server.store import Store
store = Store(Path(sys.argv[1]))
body = store.create(CONFIG_MAPS, {"metadata": {"name": "c"}, "data": {"a": "0", "b": "0"}})
number = 0
while True:
    number += 1
    body["data"] = {"a": str(number) * 500, "b": str(number) * 500}
    body = store.update(CONFIG_MAPS, body)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def test_a_kill_in_the_middle_of_writing_leaves_the_object_whole_and_no_answered_write_undone(tmp_path):
    for attempt in range(3):
        path = tmp_path / str(attempt) / "objects.db"
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, path], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for _ in range(20):
            answered = int(writer.stdout.readline())
        time.sleep(0.013)
        os.kill(writer.pid, signal.SIGKILL)
        answered = max(
            [answered, *(int(line) for line in writer.stdout if line.strip().isdigit() and line[-1] == "\n")]
        )
        writer.wait(timeout=10)
        writer.stdout.close()
        store = Store(path)
        data = store.get(CONFIG_MAPS, "default", "c")["data"]
        newest = store.events_since(0, limit=100_000)[-1].object
        store.close()
        assert data["a"] == data["b"] == newest["data"]["a"]
        assert len(data["a"]) >= 500 * len(str(answered))
        assert data["a"] in (str(answered) * 500, str(answered + 1) * 500)
