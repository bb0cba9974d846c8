from dataclasses import replace

import pytest

from isvc.backends.stack import Phase, UnitStatus
from isvc.cli import progress

KEYS = {"default/mnist"}


def test_milestones_are_what_is_completed_and_ready(service):
    starting = service(phases=(Phase.COMPLETED, Phase.READY, Phase.STARTING))
    assert list(progress.milestones(starting)) == ["mnist-storage-initializer completed", "mnist-predictor ready"]


def test_what_is_pending_is_named_with_its_state(service):
    starting = service(phases=(Phase.COMPLETED, Phase.STARTING, Phase.WAITING))
    assert progress.pending([starting]) == "mnist-predictor (starting)"
    assert progress.pending([service()]) == "the route"


def test_a_unit_that_ended_before_it_was_ready_is_the_failure(service, stack):
    broken = service(phases=(Phase.COMPLETED, Phase.FAILED, Phase.WAITING), last_lines=("no such model",))
    failure = progress.failure(stack(broken), KEYS)
    assert failure is not None
    assert failure.unit == "mnist-predictor"
    assert "ended with code 1" in str(failure)
    assert "no such model" in str(failure)


def test_a_unit_that_was_ready_once_is_given_its_restart(service, stack):
    back_soon = service(phases=(Phase.COMPLETED, Phase.FAILED, Phase.READY), was_ready=True)
    assert progress.failure(stack(back_soon), KEYS) is None


def test_the_failure_of_another_service_is_not_this_call_s(service, stack):
    other = service("other", phases=(Phase.FAILED, Phase.WAITING, Phase.WAITING))
    assert progress.failure(stack(other, service()), KEYS) is None


def test_an_ingress_that_ends_is_a_failure(service, stack):
    status = replace(stack(service()), ingress=UnitStatus("ingress", Phase.FAILED, exit_code=1))
    failure = progress.failure(status, KEYS)
    assert failure is not None
    assert failure.unit == "ingress"


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("ModuleNotFoundError: No module named 'torch'", "module is missing"),
        ("cannot be started: [Errno 2] No such file or directory: 'x'", "make install"),
        ("model: error: unrecognized arguments: --nope", "does not know an argument"),
        ("OSError: [Errno 98] Address already in use", "port"),
        ("something nobody has seen", None),
    ],
)
def test_the_likely_cause_is_read_from_the_last_lines(line, meaning):
    cause = progress.likely_cause(UnitStatus("x-predictor", Phase.FAILED, exit_code=1, last_lines=(line,)))
    assert cause is None if meaning is None else meaning in (cause or "")


def test_a_killed_unit_points_to_memory_and_an_initializer_to_its_address():
    assert "memory" in (progress.likely_cause(UnitStatus("p", Phase.FAILED, exit_code=-9)) or "")
    initializer = UnitStatus("x-storage-initializer", Phase.FAILED, exit_code=1)
    assert "storageUri" in (progress.likely_cause(initializer) or "")
