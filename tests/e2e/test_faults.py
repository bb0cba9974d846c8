"""Units that die under a running stack, and what its callers and `isvc get` see of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from e2e.stack import CIFAR10, INPUTS, MNIST, YAMLS, Stack, curl_at

pytestmark = pytest.mark.e2e

PATHS = {MNIST: "/v1/models/mnist:predict", CIFAR10: "/v1/models/cifar10:predict"}
PATIENCE = 30.0


def until(holds: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not so within {seconds} s: {what}"
        time.sleep(0.02)


@pytest.mark.parametrize("name", PATHS)
def test_a_killed_predictor_means_503_until_it_is_back(fresh: Stack, name: str) -> None:
    fresh.up(YAMLS[name])
    url, host = f"http://{fresh.address(name)}{PATHS[name]}", fresh.host(name)

    def status() -> int:
        return curl_at(url, host, "-d", f"@{INPUTS[name]}")[0]

    assert status() == 200
    predictor = f"{name}-predictor"
    before = fresh.units()[predictor]
    fresh.kill(predictor)
    until(lambda: status() == 503, "503 after the predictor was killed", 1.0)
    until(lambda: not fresh.ready(name), "`isvc get` says that the service is not ready", 1.0)
    until(lambda: status() == 200, "200 once the predictor is back")
    until(lambda: fresh.ready(name), "`isvc get` says that the service is ready")
    after = fresh.units()[predictor]
    assert after.restarts == before.restarts + 1
    assert after.pid != before.pid


def test_a_killed_transformer_means_503_and_never_404(fresh: Stack) -> None:
    fresh.up(YAMLS[MNIST])
    url, host = f"http://{fresh.address(MNIST)}{PATHS[MNIST]}", fresh.host(MNIST)
    fresh.kill(f"{MNIST}-transformer")
    seen = set()

    def answers_again() -> bool:
        seen.add(curl_at(url, host, "-d", f"@{INPUTS[MNIST]}")[0])
        return 200 in seen

    until(answers_again, "200 once the transformer is back")
    assert seen <= {200, 502, 503}


def test_down_leaves_nothing_and_can_be_said_twice(fresh: Stack) -> None:
    fresh.up(*YAMLS.values())
    assert fresh.leftovers()
    assert fresh.down().stdout.count("deleted") == 2
    assert not fresh.leftovers()
    fresh.down()


def test_two_projects_stand_side_by_side(stack: Stack, fresh: Stack) -> None:
    fresh.up(YAMLS[MNIST])
    assert fresh.address(MNIST) != stack.address(MNIST)
    for project in (stack, fresh):
        url = f"http://{project.address(MNIST)}{PATHS[MNIST]}"
        assert curl_at(url, project.host(MNIST), "-d", f"@{INPUTS[MNIST]}") == (200, {"predictions": [2]})
    fresh.down()
    assert stack.ready(MNIST)
