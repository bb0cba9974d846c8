"""A user's program as its own process: flags, logging, signals, exit codes."""

import re
import signal
import socket
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

WAIT_SECONDS = 30


def test_a_users_program_serves_and_logs_as_kserve_does(start: Any) -> None:
    program = start("--model_name", "m")
    assert program.predict({"instances": [1]}, **{"x-request-id": "abc"}) == (200, {"predictions": [1]})
    program.wait_for(r"kserve.trace requestId: abc, preprocess_ms: [\d.]+, explain_ms: 0, predict_ms: ")
    program.wait_for(r'uvicorn.access INFO: .* - "POST /v1/models/m:predict HTTP/1.1" 200 OK')
    assert program.end() == 0


@pytest.mark.parametrize(
    ("flags", "environment", "absent"),
    [
        (["--enable_latency_logging", "false"], {}, "kserve.trace requestId"),
        ([], {"KSERVE_LOGLEVEL": "WARNING"}, "kserve.trace|uvicorn.access|REST on"),
        (["--configure_logging", "false"], {}, "kserve.trace|uvicorn.access|REST on"),
    ],
)
def test_log_lines_can_be_turned_off(start: Any, flags: list[str], environment: dict[str, str], absent: str) -> None:
    port = _free_port()
    program = start("--model_name", "m", "--http_port", str(port), "--grpc_port", "0", *flags, **environment)
    _wait_until_listening(port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2", timeout=WAIT_SECONDS) as answer:
        assert answer.status == 200
    assert program.end() == 0
    assert not [line for line in program.lines if re.search(absent, line)]


def test_a_log_config_file_of_kserves_kind_is_used(start: Any, tmp_path: Path) -> None:
    (tmp_path / "log.yaml").write_text(
        """
version: 1
formatters: {mine: {format: "MINE %(name)s %(message)s"}}
handlers: {mine: {class: logging.StreamHandler, formatter: mine}}
loggers:
  kserve: {handlers: [mine], level: INFO, propagate: false}
  kserve.trace: {handlers: [mine], level: INFO, propagate: false}
"""
    )
    program = start("--model_name", "m", "--log_config_file", "log.yaml")
    program.predict({"instances": [1]})
    program.wait_for("^MINE kserve.trace requestId: ")
    assert not [line for line in program.lines if "uvicorn.access" in line]


@pytest.mark.parametrize(("flag", "loop"), [("uvloop", "uvloop"), ("auto", "uvloop"), ("asyncio", "asyncio")])
def test_the_event_loop_is_the_one_of_the_flag_with_its_threads(start: Any, flag: str, loop: str) -> None:
    """With one worker, KServe sets up another loop than the one that serves."""
    program = start("--model_name", "m", "--event-loop", flag, "--max_asyncio_workers", "3")
    _, facts = program.predict({"instances": [], "who": True})
    assert (facts["loop"], facts["threads"]) == (loop, 3)


def test_a_registered_exception_handler_gets_what_reaches_the_loop(start: Any) -> None:
    """With one worker, KServe registers it at another loop than the one that serves."""
    program = start("--model_name", "m", "--watch-loop")
    assert program.predict({"instances": [], "break": True})[0] == 200
    program.wait_for("^caught division by zero$")


def test_an_access_log_format_replaces_the_access_line(start: Any) -> None:
    program = start("--model_name", "m", "--access_log_format", "ACCESS %(m)s %(U)s %(s)s %(B)s")
    program.predict({"instances": [1]})
    program.wait_for(r"^ACCESS POST /v1/models/m:predict 200 19")


def test_sigterm_lets_what_runs_finish_and_refuses_what_comes(start: Any) -> None:
    program = start("--model_name", "m")
    answers: list[tuple[int, Any]] = []
    running = threading.Thread(target=lambda: answers.append(program.predict({"instances": [1], "seconds": 1})))
    running.start()
    program.wait_for("entered")
    program.process.send_signal(signal.SIGTERM)
    program.wait_for("stopping on signal")
    status, body = program.predict({"instances": [2]})
    assert (status, body) == (503, {"error": "Server is not ready. Server is shutting down."})
    running.join(WAIT_SECONDS)
    assert answers == [(200, {"predictions": [1]})]
    assert program.wait() == 0


def test_a_port_that_is_taken_ends_the_program_with_a_sentence(start: Any) -> None:
    first = start("--model_name", "m")
    second = start("--model_name", "m", "--http_port", str(first.port), "--grpc_port", "0")
    assert second.wait() == 1
    assert "Traceback" not in "\n".join(second.lines)
    second.wait_for(f"Cannot listen on 127.0.0.1:{first.port} .*choose another --http_port")


def test_a_program_whose_models_are_not_ready_ends_with_a_sentence(start: Any) -> None:
    program = start("--model_name", "m", "--never")
    assert program.wait() == 1
    program.wait_for("None of the models is ready: m")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_listening(port: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on {port}"
            time.sleep(0.05)


def test_a_predictor_host_that_is_none_is_found_at_start(start: Any) -> None:
    program = start("--model_name", "m", "--predictor_host", "http://predictor:80")
    assert program.wait() == 1
    program.wait_for("predictor_host is 'http://predictor:80': write 'predictor:80'")


def test_sigterm_as_soon_as_a_port_is_open_ends_it_in_order(start: Any) -> None:
    program = start("--model_name", "m")
    program.wait_for("gRPC on")  # REST comes after it
    assert program.end() == 0
