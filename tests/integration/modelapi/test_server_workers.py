"""Several worker processes on one REST and one gRPC port."""

import os
import re
import signal
import time
from typing import Any

import pytest
import tritonclient.grpc as triton_grpc

WAIT_SECONDS = 60


@pytest.fixture
def program(start: Any) -> Any:
    running = start("--model_name", "m", "--workers", "2", "--predictor_host", "nowhere:1", "--protocol", "v2")
    for _ in wait_until(lambda: len(listening(running)) >= 2):
        pass
    return running


def listening(program: Any) -> list[str]:
    return [line for line in program.lines if "REST on" in line]


def wait_until(condition: Any) -> Any:
    """Yields until the condition holds; fails after WAIT_SECONDS."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)
        yield


def who(program: Any) -> int:
    """The process that answers; it has the predictor of the command line."""
    status, body = program.predict({"instances": [], "who": True})
    assert (status, body["predictor"]) == (200, "nowhere:1")
    pid: int = body["pid"]
    return pid


def test_two_workers_answer_on_one_port(program: Any) -> None:
    """KServe's workers have no predictor configuration, answer 501, and need models that can be pickled."""
    seen = {who(program)}
    for _ in wait_until(lambda: len(seen) == 2):
        seen.add(who(program))
    assert program.process.pid not in seen
    assert program.end() == 0
    assert not [pid for pid in seen if _alive(pid)]


def test_two_workers_answer_grpc_on_one_port(program: Any) -> None:
    """KServe serves gRPC from the parent alone."""
    port = program.wait_for(r"gRPC on .*:\d+").rsplit(":", 1)[1]
    assert len({line.rsplit(":", 1)[1] for line in program.lines if "gRPC on" in line}) == 1
    for _ in range(6):
        with triton_grpc.InferenceServerClient(f"127.0.0.1:{port}") as client:
            assert client.is_server_ready()


def test_a_worker_that_dies_is_started_again(program: Any) -> None:
    victim = who(program)
    os.kill(victim, signal.SIGKILL)
    program.wait_for(r"worker \d ended with -9; it is started again")
    for _ in wait_until(lambda: len(listening(program)) >= 3):
        pass
    assert program.end() == 0


def test_the_metrics_of_all_workers_are_added_up(program: Any) -> None:
    seen: list[int] = []
    for _ in wait_until(lambda: len(set(seen)) == 2):
        seen.append(who(program))
    page = program.get("/metrics")
    assert re.search(rf'request_predict_seconds_count{{model_name="m"}} {len(seen)}\.0', page)


def test_workers_end_when_their_parent_is_killed(program: Any) -> None:
    seen = {who(program)}
    for _ in wait_until(lambda: len(seen) == 2):
        seen.add(who(program))
    program.end(signal.SIGKILL)
    for _ in wait_until(lambda: not [pid for pid in seen if _alive(pid)]):
        pass


def test_workers_that_cannot_start_end_the_program(start: Any) -> None:
    program = start("--model_name", "m", "--workers", "2", "--never")
    assert program.wait() == 1
    program.wait_for("Worker . ended with 1 soon after its start")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
