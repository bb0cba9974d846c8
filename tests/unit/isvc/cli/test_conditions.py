import pytest

from isvc.backends.stack import Phase, RouteState
from isvc.cli.conditions import conditions, document


def statuses(service):
    return {condition["type"]: condition["status"] for condition in conditions(service)}


def test_every_condition_of_a_ready_service_is_true(service):
    assert statuses(service()) == dict.fromkeys(("PredictorReady", "TransformerReady", "IngressReady", "Ready"), "True")


def test_a_predictor_that_is_away_makes_the_service_not_ready_and_says_where_it_stands(service):
    away = service(phases=(Phase.COMPLETED, Phase.FAILED, Phase.READY))
    assert statuses(away) == {
        "PredictorReady": "False",
        "TransformerReady": "True",
        "IngressReady": "True",
        "Ready": "False",
    }
    assert {"type": "PredictorReady", "status": "False", "reason": "Failed"} in conditions(away)


def test_the_document_is_an_inference_service_with_its_url(service):
    told = document(service())
    assert (told["apiVersion"], told["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert told["metadata"]["creationTimestamp"] == "1970-01-01T00:00:00Z"
    assert told["status"]["url"] == "http://mnist.default.example.com"


def test_an_initializer_that_failed_is_told_as_kserve_tells_it(service):
    failed = service(
        phases=(Phase.FAILED, Phase.WAITING, Phase.WAITING), route=RouteState.ABSENT, last_lines=("no", "model")
    )
    assert document(failed)["status"]["modelStatus"] == {
        "states": {"targetModelState": "FailedToLoad"},
        "transitionStatus": "BlockedByFailedLoad",
        "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "no\nmodel", "exitCode": 1},
    }


@pytest.mark.parametrize(
    ("phases", "state"),
    [
        ((Phase.STARTING, Phase.WAITING, Phase.WAITING), "Loading"),
        ((Phase.COMPLETED, Phase.STARTING, Phase.WAITING), "Pending"),
        ((Phase.COMPLETED, Phase.READY, Phase.WAITING), "Loaded"),
    ],
)
def test_the_model_state_follows_the_initializer_and_the_predictor(service, phases, state):
    told = document(service(phases=phases, route=RouteState.ABSENT))["status"]
    assert told["modelStatus"]["states"]["targetModelState"] == state
    assert "url" not in told
