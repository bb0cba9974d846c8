from contextlib import aclosing
from pathlib import Path

import pytest
import yaml

from isvc.backends.stack import Phase, UnitStatus
from isvc.server.errors import BadRequest, NotFound
from isvc.server.events import between
from isvc.server.pods import pods
from isvc.server.resources import DEPLOYMENTS, PODS, SERVICES
from isvc.server.running import RunningViews
from isvc.server.views import Shown, objects
from unit.isvc.server.controlled import COLLOCATED, FakeBackend, body, planned, running

LOGGED = {"logger": {"mode": "all", "url": "http://127.0.0.1:1/"}}


def containers(pod) -> tuple[list[str], list[str]]:
    return [each.name for each in pod.before], [each.name for each in pod.containers]


def test_a_predictor_and_its_initializer_are_one_pod_and_the_transformer_another():
    [predictor, transformer] = pods(planned(body())[0])
    assert containers(predictor) == (["storage-initializer"], ["kserve-container"])
    assert containers(transformer) == ([], ["kserve-container"])
    assert predictor.deployment == "digits-predictor"
    assert predictor.name.startswith(f"digits-predictor-{predictor.revision}-")


def test_an_agent_a_sidecar_and_a_namespace_keep_kserve_s_names():
    one = body("digits", "other", **LOGGED)
    side = {"name": "side", "image": "kserve/image-transformer:latest", "command": ["python", "-m", "http.server"]}
    one["spec"]["transformer"]["containers"].append(side)
    found = {pod.deployment: containers(pod)[1] for pod in pods(planned(one)[0])}
    assert found == {
        "digits-predictor": ["kserve-container", "agent"],
        "digits-transformer": ["kserve-container", "side"],
    }


def test_a_collocated_transformer_is_a_container_of_the_predictor_s_pod():
    [pod] = pods(planned(yaml.safe_load(Path(COLLOCATED).read_text()))[0])
    assert containers(pod) == (["storage-initializer"], ["kserve-container", "transformer-container"])


def test_copies_are_pods_of_one_deployment():
    plan = planned(body("digits", minReplicas=2))[0]
    [first, second] = [pod for pod in pods(plan) if pod.component == "predictor"]
    assert first.deployment == second.deployment == "digits-predictor"
    assert first.name != second.name
    assert containers(first) == containers(second)
    [deployment] = [o for o in objects(DEPLOYMENTS, [Shown(running(plan))]) if "predictor" in o["metadata"]["name"]]
    assert deployment["status"]["readyReplicas"] == deployment["spec"]["replicas"] == 2


def test_a_pod_has_another_name_once_its_containers_run_something_else():
    changed = body()
    changed["spec"]["transformer"]["containers"][0]["args"] += ["--workers", "2"]
    before, after = ([pod.name for pod in pods(planned(one)[0])] for one in (body(), changed))
    assert before[0] == after[0]
    assert before[1] != after[1]


def shown(**units: UnitStatus) -> list[Shown]:
    return [Shown(running(planned(body())[0], **units))]


def test_a_pod_that_waits_for_its_model_is_pending_and_says_what_its_containers_do():
    waiting, loading = UnitStatus("", Phase.WAITING), UnitStatus("", Phase.STARTING)
    [predictor, _] = objects(PODS, shown(storage_initializer=loading, predictor=waiting, transformer=waiting))
    status = predictor["status"]
    assert status["phase"] == "Pending"
    assert "running" in status["initContainerStatuses"][0]["state"]
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}


def test_a_container_that_crashed_is_in_back_off_with_its_last_lines():
    failed = UnitStatus("", Phase.FAILED, restarts=2, exit_code=3, last_lines=("no", "model"))
    [predictor, _] = objects(PODS, shown(storage_initializer=failed))
    [status] = predictor["status"]["initContainerStatuses"]
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["restartCount"] == 2
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert status["lastState"]["terminated"]["message"] == "no\nmodel"


def test_a_service_leads_port_80_to_the_first_port_of_its_server():
    [predictor, _] = objects(SERVICES, shown())
    assert predictor["metadata"]["name"] == "digits-predictor"
    assert predictor["spec"]["ports"][0] == {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}


def test_what_is_shown_has_its_owner_and_keeps_its_uid():
    owner = {"metadata": {"name": "digits", "uid": "u"}}
    made = [objects(PODS, [Shown(running(planned(body())[0]), owner)]) for _ in range(2)]
    assert made[0] == made[1]
    assert made[0][0]["metadata"]["ownerReferences"][0]["uid"] == "u"


def test_a_pod_that_came_later_is_younger_than_its_service():
    [service] = planned(body())
    name = pods(service)[1].name
    [predictor, transformer] = objects(PODS, [Shown(running(service), since={name: 2000.0})])
    assert predictor["metadata"]["creationTimestamp"] == "1970-01-01T00:16:40Z"
    assert transformer["metadata"]["creationTimestamp"] == "1970-01-01T00:33:20Z"


def reasons(before, after) -> list[tuple[str, str]]:
    return [(each.name.split("-")[1], each.reason) for each in between(before, after)]


def test_events_tell_of_the_start_the_crash_and_the_end_of_a_container():
    plan = planned(body())[0]
    waiting = UnitStatus("", Phase.WAITING)
    fresh = running(plan, Phase.WAITING, storage_initializer=waiting)
    assert reasons(None, fresh) == [("predictor", "Scheduled"), ("transformer", "Scheduled")]
    assert reasons(fresh, running(plan, transformer=waiting)) == [
        ("predictor", reason) for _ in range(2) for reason in ("Pulled", "Created", "Started")
    ]
    crashed = running(plan, predictor=UnitStatus("", Phase.FAILED, exit_code=1))
    again = running(plan, predictor=UnitStatus("", Phase.STARTING, exit_code=1, restarts=1))
    assert reasons(running(plan), crashed) == [("predictor", "BackOff")]
    assert reasons(crashed, crashed) == []
    assert reasons(crashed, again) == [("predictor", "Started")]
    assert reasons(running(plan), running(plan, transformer=UnitStatus("", Phase.STOPPING))) == [
        ("transformer", "Killing")
    ]


@pytest.fixture
def views() -> RunningViews:
    return RunningViews(lambda: shown(), FakeBackend())


async def read(views: RunningViews, container: str | None = None, **options) -> list[bytes]:
    [pod, _] = objects(PODS, views.shown())
    asked = {"follow": False, "tail": None, "since": None, "timestamps": False, **options}
    async with aclosing(views.logs("default", pod["metadata"]["name"], container, **asked)) as lines:
        return [line async for line in lines]


async def test_logs_are_those_of_the_container_and_without_one_of_the_server(views):
    assert await read(views) == [b"a line of default/digits/digits-predictor\n", b"another\n"]
    assert (await read(views, "storage-initializer"))[0] == b"a line of default/digits/digits-storage-initializer\n"


async def test_logs_can_have_times_and_begin_late(views):
    assert await read(views, since=2.0, timestamps=True) == [b"1970-01-01T00:00:02.500000Z another\n"]


async def test_logs_of_what_is_not_there_are_refused(views):
    with pytest.raises(BadRequest, match="container nobody is not valid for pod"):
        await read(views, "nobody")
    with pytest.raises(NotFound):
        views.logs("default", "nobody", None, follow=False, tail=None, since=None, timestamps=False)
