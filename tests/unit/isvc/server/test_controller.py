from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from isvc.errors import EnvironmentFailed, UnitFailed
from isvc.server.controller import Controller
from isvc.server.errors import NotFound
from isvc.server.resources import EVENTS, INFERENCE_SERVICES, SECRETS, Object
from isvc.server.store import Store
from isvc.server.wanted import FINALIZER
from unit.isvc.server.controlled import FakeBackend, body, make_plan, planned


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "objects.db")


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@contextlib.asynccontextmanager
async def control(store: Store, backend: FakeBackend, planner: Any = make_plan) -> AsyncIterator[Controller]:
    controller = Controller(store, backend, planner, answers=lambda service, stack: True)
    running = asyncio.create_task(controller.run())
    try:
        yield controller
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest_asyncio.fixture
async def controller(store: Store, backend: FakeBackend) -> AsyncIterator[Controller]:
    async with control(store, backend) as running:
        yield running


async def until(holds: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(10):
            while not holds():  # noqa: ASYNC110 - a store has no event to wait for
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"waited 10 s for {what}")


def stored(store: Store, name: str = "digits") -> Object:
    return store.get(INFERENCE_SERVICES, "default", name)


def condition(store: Store, name: str = "digits", kind: str = "Ready") -> dict[str, str]:
    found = stored(store, name).get("status", {}).get("conditions", [])
    return next((each for each in found if each["type"] == kind), {})


def is_ready(store: Store, name: str = "digits") -> bool:
    return condition(store, name).get("status") == "True"


def exists(store: Store, name: str = "digits") -> bool:
    try:
        stored(store, name)
    except NotFound:
        return False
    return True


async def test_a_stored_service_comes_to_run_and_its_status_says_so(store, backend, controller):
    store.create(INFERENCE_SERVICES, body())
    await until(lambda: is_ready(store), "Ready")
    found = stored(store)
    assert backend.calls == ["apply digits"]
    assert found["status"]["url"] == "http://digits.default.example.com"
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"] == 1
    assert found["metadata"]["finalizers"] == [FINALIZER]


async def test_a_deleted_service_goes_once_nothing_of_it_runs(store, backend, controller):
    store.create(INFERENCE_SERVICES, body())
    await until(lambda: is_ready(store), "Ready")
    backend.held.clear()
    store.delete(INFERENCE_SERVICES, "default", "digits")
    await asyncio.sleep(0.2)
    assert "deletionTimestamp" in stored(store)["metadata"]
    backend.held.set()
    await until(lambda: not exists(store), "the end of the object")
    assert backend.services == {}


async def test_a_service_that_cannot_be_planned_says_why_and_stops_no_other(store, backend, controller):
    store.create(
        INFERENCE_SERVICES, body("broken", model={"modelFormat": {"name": "nonsense"}, "storageUri": "gs://a/b"})
    )
    store.create(INFERENCE_SERVICES, body())
    await until(lambda: is_ready(store), "Ready")
    await until(lambda: bool(condition(store, "broken")), "the status of the other")
    told = stored(store, "broken")["status"]
    assert told["modelStatus"]["transitionStatus"] == "InvalidSpec"
    assert told["modelStatus"]["lastFailureInfo"]["reason"] == "NoSupportingRuntime"
    assert "no runtime found to support predictor" in condition(store, "broken")["message"]
    assert backend.calls == ["apply digits"]
    assert "InternalError" in {event["reason"] for event in store.list(EVENTS).items}


async def test_a_service_that_cannot_be_started_stops_no_other_and_is_tried_again(store, backend, controller):
    backend.refuses["bad"] = UnitFailed("bad-predictor", "there is no Dockerfile")
    store.create(INFERENCE_SERVICES, body("bad"))
    store.create(INFERENCE_SERVICES, body())
    await until(lambda: is_ready(store), "Ready of the good one")
    await until(lambda: "no Dockerfile" in condition(store, "bad").get("message", ""), "the reason")
    backend.refuses.clear()
    await until(lambda: is_ready(store, "bad"), "Ready after another try")


async def test_of_two_services_with_one_host_the_younger_is_refused(store, backend, controller):
    standard = {"serving.kserve.io/deploymentMode": "Standard"}
    for name, namespace in (("a", "b-c"), ("a-b", "c")):
        one = body(name, namespace)
        one["metadata"]["annotations"] = standard
        store.create(INFERENCE_SERVICES, one)

    def status(name: str, namespace: str) -> Object:
        return store.get(INFERENCE_SERVICES, namespace, name).get("status", {})

    await until(lambda: bool(status("a-b", "c")) and bool(status("a", "b-c")), "both")
    assert backend.calls == ["apply a"]
    assert "its host" in status("a-b", "c")["modelStatus"]["lastFailureInfo"]["message"]


async def test_what_runs_already_is_taken_over_and_not_started_again(store, backend):
    [plan] = planned(body())
    backend.services["default/digits"] = plan
    store.create(INFERENCE_SERVICES, body())
    async with control(store, backend):
        await until(lambda: is_ready(store), "Ready")
    assert backend.calls == []


async def test_what_no_object_wants_is_stopped(store, backend):
    [plan] = planned(body("forgotten"))
    backend.services["default/forgotten"] = plan
    async with control(store, backend):
        await until(lambda: backend.services == {}, "the end of what was forgotten")


async def test_an_object_that_waited_for_its_end_when_the_control_plane_died_goes(store, backend):
    one = body()
    one["metadata"]["finalizers"] = [FINALIZER]
    store.create(INFERENCE_SERVICES, one)
    store.delete(INFERENCE_SERVICES, "default", "digits")
    async with control(store, backend):
        await until(lambda: not exists(store), "the end of the object")


async def test_what_should_run_is_started_again_when_nobody_watches_over_it(store, backend, controller):
    store.create(INFERENCE_SERVICES, body())
    await until(lambda: is_ready(store), "Ready")
    backend.running = False
    await until(lambda: backend.calls.count("apply digits") == 2, "a second start")


async def test_a_changed_spec_is_applied_and_its_generation_observed(store, backend, controller):
    store.create(INFERENCE_SERVICES, body())
    await until(lambda: is_ready(store), "Ready")
    changed = stored(store)
    changed["spec"]["transformer"]["containers"][0]["args"] += ["--workers", "2"]
    store.update(INFERENCE_SERVICES, changed)
    await until(lambda: stored(store)["status"]["observedGeneration"] == 2, "the second generation")
    assert backend.calls == ["apply digits", "apply digits"]


async def test_a_secret_that_changes_is_applied_to_the_services_beside_it(store, backend, controller):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"a": "1"}}
    store.create(SECRETS, secret)
    one = body()
    one["spec"]["transformer"]["containers"][0]["env"] = [
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "key", "key": "a"}}}
    ]
    store.create(INFERENCE_SERVICES, one)
    await until(lambda: is_ready(store), "Ready")
    held = store.get(SECRETS, "default", "key")
    store.update(SECRETS, {**held, "stringData": {"a": "2"}})
    await until(lambda: len(backend.calls) == 2, "another start")
    transformer = next(u for u in backend.services["default/digits"].units if u.name.endswith("transformer"))
    assert dict(transformer.environment)["KEY"] == ("2",)


async def test_status_is_written_only_when_it_says_something_new(store, backend, controller):
    store.create(INFERENCE_SERVICES, body())
    await until(lambda: is_ready(store), "Ready")
    await asyncio.sleep(0.1)
    version = store.version
    await asyncio.sleep(1.2)
    assert store.version == version


async def test_an_environment_that_takes_long_holds_no_other_service_up(store, backend):
    slow = threading.Event()

    def plan(documents, say):
        if documents[0].resource.metadata.name == "slow":
            say("making an environment")
            slow.wait(10)
        return make_plan(documents, say)

    async with control(store, backend, plan):
        store.create(INFERENCE_SERVICES, body("slow"))
        store.create(INFERENCE_SERVICES, body())
        await until(lambda: is_ready(store), "Ready of the quick one")
        assert "status" not in stored(store, "slow")
        told = "making an environment"
        await until(lambda: any(event["message"] == told for event in store.list(EVENTS).items), "the event")
        slow.set()
        await until(lambda: is_ready(store, "slow"), "Ready of the slow one")


async def test_an_environment_that_failed_is_made_again(store, backend):
    tries = []

    def plan(documents, say):
        tries.append(1)
        if len(tries) == 1:
            raise EnvironmentFailed("Triton", "PyPI did not answer")
        return make_plan(documents, say)

    async with control(store, backend, plan):
        store.create(INFERENCE_SERVICES, body())
        await until(lambda: "PyPI did not answer" in condition(store).get("message", ""), "the reason")
        await until(lambda: is_ready(store), "Ready after another try")


async def test_an_object_from_before_a_rule_became_stricter_is_told_so(store, backend, controller):
    one = body()
    one["spec"]["predictor"]["modle"] = {}
    store.create(INFERENCE_SERVICES, one)
    await until(lambda: "did you mean `model`" in condition(store).get("message", ""), "the reason")


async def test_events_tell_the_way_of_a_pod_and_that_the_service_is_ready(store, backend, controller):
    await asyncio.sleep(0.1)  # what runs when the control plane starts is no news
    store.create(INFERENCE_SERVICES, body())
    await until(lambda: is_ready(store), "Ready")
    await until(lambda: any(e["reason"] == "InferenceServiceReady" for e in store.list(EVENTS).items), "the event")
    pods = {(e["involvedObject"]["kind"], e["reason"]) for e in store.list(EVENTS).items}
    assert {("Pod", "Scheduled"), ("Pod", "Pulled"), ("Pod", "Created"), ("Pod", "Started")} < pods
    ready = next(e for e in store.list(EVENTS).items if e["reason"] == "InferenceServiceReady")
    assert ready["involvedObject"]["uid"] == stored(store)["metadata"]["uid"]
