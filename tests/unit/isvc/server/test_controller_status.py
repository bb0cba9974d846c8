from dataclasses import replace

import pytest

from isvc.backends.stack import Phase, RouteState, UnitStatus
from isvc.errors import PlanError
from isvc.server.status import of_refused, of_service
from unit.isvc.server.controlled import body, planned, running

FAILED = UnitStatus("", Phase.FAILED, exit_code=1, last_lines=("no", "model"))


@pytest.fixture
def plan():
    return planned(body("mnist"))[0]


def conditions(status):
    return {each["type"]: each for each in status["conditions"]}


def states(status):
    return {name: each["status"] for name, each in conditions(status).items()}


def test_a_ready_service_has_all_that_the_controller_tells(plan):
    status = of_service(running(plan), 0.0, mode="Knative", generation=3)
    true = dict.fromkeys(("IngressReady", "PredictorReady", "Ready", "TransformerReady"), "True")
    assert states(status) == {**true, "Stopped": "False"}
    assert status["url"] == "http://mnist.default.example.com"
    assert status["address"] == {"url": "http://mnist.default.svc.cluster.local"}
    assert status["components"] == {
        "predictor": {"url": "http://mnist-predictor.default.example.com"},
        "transformer": {"url": "http://mnist-transformer.default.example.com"},
    }
    assert status["modelStatus"] == {
        "copies": {"failedCopies": 0, "totalCopies": 1},
        "states": {"activeModelState": "Loaded", "targetModelState": "Loaded"},
        "transitionStatus": "UpToDate",
    }
    assert (status["deploymentMode"], status["observedGeneration"]) == ("Knative", 3)


def test_in_standard_mode_the_address_is_that_of_the_component_in_front(plan):
    status = of_service(running(plan), 0.0, mode="Standard")
    assert status["address"] == {"url": "http://mnist-transformer.default.svc.cluster.local"}


def test_the_conditions_that_inform_say_so(plan):
    found = conditions(of_service(running(plan), 0.0))
    assert {name for name, each in found.items() if each.get("severity") == "Info"} == {"TransformerReady", "Stopped"}


def test_a_condition_keeps_the_time_at_which_it_turned(plan):
    first = of_service(running(plan, Phase.STARTING), 1000.0)
    second = of_service(running(plan), 2000.0, before=first)
    third = of_service(running(plan), 3000.0, before=second)
    assert third == second
    times = {name: each["lastTransitionTime"] for name, each in conditions(second).items()}
    assert times["Stopped"] == "1970-01-01T00:16:40Z"
    assert times["Ready"] == "1970-01-01T00:33:20Z"


def test_a_predictor_that_crashed_is_told_with_its_exit_code_and_last_lines(plan):
    status = of_service(running(plan, predictor=FAILED), 0.0)
    told = conditions(status)["PredictorReady"]
    assert (told["reason"], told["message"]) == ("ExitCode1", "Container failed with: no\nmodel")
    assert states(status)["Ready"] == "False"
    assert states(status)["TransformerReady"] == "True"


def test_an_initializer_that_failed_is_told_as_kserve_tells_it(plan):
    waiting = UnitStatus("", Phase.WAITING)
    status = of_service(running(plan, storage_initializer=FAILED, predictor=waiting, transformer=waiting), 0.0)
    assert status["modelStatus"] == {
        "copies": {"failedCopies": 1, "totalCopies": 0},
        "states": {"activeModelState": "", "targetModelState": "FailedToLoad"},
        "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "no\nmodel", "exitCode": 1},
        "transitionStatus": "BlockedByFailedLoad",
    }
    assert "url" not in status
    assert conditions(status)["IngressReady"]["reason"] == "Predictor ingress not created"


def test_an_initializer_that_is_tried_again_has_failed_until_it_is_through(plan):
    waiting = UnitStatus("", Phase.WAITING)
    again = UnitStatus("", Phase.STARTING, restarts=1, exit_code=1)
    failed = of_service(running(plan, storage_initializer=FAILED, predictor=waiting, transformer=waiting), 0.0)
    status = of_service(
        running(plan, storage_initializer=again, predictor=waiting, transformer=waiting), 0.0, before=failed
    )
    assert status["modelStatus"]["lastFailureInfo"]["message"] == "no\nmodel"
    assert status["modelStatus"]["transitionStatus"] == "BlockedByFailedLoad"
    assert "lastFailureInfo" not in of_service(running(plan), 0.0, before=status)["modelStatus"]


@pytest.mark.parametrize(
    ("initializer", "predictor", "target"),
    [
        (Phase.STARTING, Phase.WAITING, "Loading"),
        (Phase.COMPLETED, Phase.STARTING, "Pending"),
        (Phase.COMPLETED, Phase.READY, "Loaded"),
    ],
)
def test_the_model_state_follows_the_initializer_and_the_predictor(plan, initializer, predictor, target):
    seen = running(plan, storage_initializer=UnitStatus("", initializer), predictor=UnitStatus("", predictor))
    assert of_service(seen, 0.0)["modelStatus"]["states"]["targetModelState"] == target


def test_a_service_whose_front_is_away_is_not_ready_and_keeps_its_url(plan):
    away = replace(running(plan, transformer=FAILED), route=RouteState.UNAVAILABLE)
    status = of_service(away, 0.0)
    assert status["url"] == "http://mnist.default.example.com"
    assert conditions(status)["IngressReady"]["reason"] == "RouteUnavailable"


def test_a_stopped_service_says_so(plan):
    one = body("mnist")
    one["metadata"]["annotations"] = {"serving.kserve.io/stop": "true"}
    status = of_service(running(planned(one)[0]), 0.0)
    assert states(status) == {"Stopped": "True", "PredictorReady": "False", "IngressReady": "False", "Ready": "False"}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("no runtime found to support predictor with model type: {x <nil>}", "NoSupportingRuntime"),
        ("no ServingRuntime or ClusterServingRuntime is called x; mend", "RuntimeNotRecognized"),
        ("specified runtime x is disabled; take another, or remove `disabled` from it", "RuntimeDisabled"),
        ("anything else", "InvalidPredictorSpec"),
    ],
)
def test_a_service_that_cannot_be_planned_has_kserve_s_reason(message, reason):
    status = of_refused(PlanError(message), 0.0, generation=2)
    assert status["modelStatus"]["transitionStatus"] == "InvalidSpec"
    assert status["modelStatus"]["lastFailureInfo"]["reason"] == reason
    assert states(status)["Ready"] == "False"
    assert status["observedGeneration"] == 2
