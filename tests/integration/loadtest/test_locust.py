"""`locust -f loadtest/` as a process, against small servers that note what they are sent."""

from __future__ import annotations

import csv
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from tritonclient.grpc.service_pb2 import ModelInferRequest, ModelInferResponse

ROOT = Path(__file__).parents[3]
PICTURE = "iVBORw0KGgo="
HOST = "torch-transformer.default.example.com"
PATIENCE = 60.0


@dataclass
class Seen:
    """What the servers were sent, and what they answer with."""

    requests: set[tuple[str, str, str]] = field(default_factory=set)
    connections: set[Any] = field(default_factory=set)
    status: int = 200


class Count(NamedTuple):
    requests: int
    failures: int


class Rest(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, seen: Seen) -> None:
        super().__init__(("127.0.0.1", 0), _RestHandler)
        self.seen = seen


class _RestHandler(http.server.BaseHTTPRequestHandler):
    server: Rest
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        seen = self.server.seen
        seen.requests.add((self.path, self.headers["host"], self.headers["content-type"]))
        seen.connections.add(self.client_address)
        answer = {"predictions": [2]} if self.path.startswith("/v1/") else {"outputs": [{"name": "y", "data": [2]}]}
        body = json.dumps(answer).encode()
        self.send_response(seen.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def rest(seen: Seen) -> Iterator[str]:
    server = Rest(seen)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    serving.join(PATIENCE)
    server.server_close()


@pytest.fixture
def grpc_server(seen: Seen) -> Iterator[str]:
    def infer(request: ModelInferRequest, context: grpc.ServicerContext) -> ModelInferResponse:
        # The authority has no public name on the server's side.
        seen.requests.add((request.model_name, context._rpc_event.call_details.host.decode(), "grpc"))  # type: ignore[attr-defined]
        seen.connections.add(context.peer())
        output = ModelInferResponse.InferOutputTensor(name="y", datatype="INT64", shape=[1])
        return ModelInferResponse(outputs=[output], raw_output_contents=[bytes(8)])

    handler = grpc.unary_unary_rpc_method_handler(
        infer, ModelInferRequest.FromString, ModelInferResponse.SerializeToString
    )
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("inference.GRPCInferenceService", {"ModelInfer": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop(0).wait(PATIENCE)


def locust(*arguments: str, tmp_path: Path) -> tuple[int, str, dict[str, Count]]:
    """Exit code, output, and the statistics by name."""
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtest"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=tmp_path, check=False)
    table = tmp_path / "stats_stats.csv"
    rows = list(csv.DictReader(table.read_text().splitlines())) if table.exists() else []
    counts = {row["Name"]: Count(int(row["Request Count"]), int(row["Failure Count"])) for row in rows}
    counts.pop("Aggregated", None)
    return done.returncode, done.stdout + done.stderr, counts


@pytest.fixture
def run(tmp_path: Path) -> Any:
    body = {"instances": [{"image": {"b64": PICTURE}}]}
    (tmp_path / "input.json").write_text(json.dumps(body))
    load = ("--headless", "-r", "100", "-t", "2s", "--csv", "stats", "--only-summary")

    def run(host: str, users: int, *classes: str) -> tuple[int, str, dict[str, Count]]:
        options = ("--input", str(tmp_path / "input.json"), "--host", host, "-u", str(users))
        return locust(*load, *options, *classes, tmp_path=tmp_path)

    return run


def test_the_users_are_exactly_the_four(tmp_path: Path) -> None:
    code, output, _ = locust("--list", tmp_path=tmp_path)
    assert code == 0
    listed = output.partition("Available Users:")[2].split()[:5]
    assert listed[:4] == ["V1Rest", "V2RestJson", "V2RestBinary", "V2Grpc"]
    assert len(listed) == 4 or listed[4].startswith("[")


def test_rest_users_ask_by_host_over_a_connection_each(run: Any, rest: str, seen: Seen) -> None:
    code, output, stats = run(rest, 6, "V1Rest", "V2RestJson", "V2RestBinary")
    assert code == 0, output
    assert stats.keys() == {"V1 REST", "V2 REST JSON", "V2 REST binary"}
    assert not any(count.failures for count in stats.values())
    assert seen.requests == {
        ("/v1/models/mnist:predict", HOST, "application/json"),
        ("/v2/models/mnist/infer", HOST, "application/json"),
        ("/v2/models/mnist/infer", HOST, "application/octet-stream"),
    }
    assert len(seen.connections) == 6


def test_grpc_users_ask_by_authority_over_a_connection_each(run: Any, grpc_server: str, seen: Seen) -> None:
    code, output, stats = run(grpc_server, 4, "V2Grpc")
    assert code == 0, output
    assert stats["V2 gRPC"].failures == 0
    assert stats["V2 gRPC"].requests > 4
    assert seen.requests == {("mnist", HOST, "grpc")}
    assert len(seen.connections) == 4


def test_answers_that_are_no_predictions_are_failures_and_exit_1(run: Any, rest: str, seen: Seen) -> None:
    seen.status = 503
    code, output, stats = run(rest, 1, "V1Rest")
    assert code == 1
    assert stats["V1 REST"].failures == stats["V1 REST"].requests > 0
    assert "503: " in output


def test_nobody_at_the_address_is_a_failure_in_words(run: Any) -> None:
    code, output, _ = run("http://127.0.0.1:9", 2, "V1Rest", "V2Grpc")
    assert code == 1
    assert "no answer" in output
    assert "UNAVAILABLE" in output


def test_an_input_that_cannot_be_read_ends_before_the_first_request(tmp_path: Path) -> None:
    code, output, _ = locust("--headless", "-u", "1", "-t", "1s", "--input", "missing.json", tmp_path=tmp_path)
    assert code == 1
    assert "loadtest: Cannot read the input missing.json" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(("on_gevent", "at_once"), [(True, True), (False, False)])
def test_the_self_test_tells_users_that_overlap_from_users_that_wait_for_each_other(
    on_gevent: bool, at_once: bool
) -> None:
    program = (
        "import locust, sys\n"
        "from grpc.experimental import gevent\n"
        f"if not {on_gevent}: gevent.init_gevent = lambda: None\n"
        f"sys.path.append({str(ROOT / 'loadtest')!r})\n"
        "from _gevent_grpc import overlap\n"
        "print(overlap(users=8, each=0.25))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert (float(done.stdout) > 4) is at_once


def test_percentiles_are_written_exactly_and_a_limit_that_is_kept_is_no_failure(
    run: Any, rest: str, tmp_path: Path
) -> None:
    exact = tmp_path / "exact.json"
    code, output, stats = run(rest, 2, "V1Rest", "--exact", str(exact), "--threshold", "failures=0")
    assert code == 0, output
    told = json.loads(exact.read_text())["requests"]["V1 REST"]
    assert told["requests"] >= stats["V1 REST"].requests
    assert told["p50_ms"] != round(told["p50_ms"])
    assert "exact, ms" in output


def test_a_limit_that_is_not_kept_is_said_and_exits_3(run: Any, rest: str) -> None:
    code, output, _ = run(rest, 1, "V1Rest", "--threshold", "V1 REST:p50=0.000001")
    assert code == 3
    assert "loadtest: threshold V1 REST:p50=1e-06: V1 REST: p50 is" in output


def test_a_spike_ends_by_itself(run: Any, rest: str) -> None:
    code, output, stats = run(rest, 5, "V1Rest", "--shape", "spike")
    assert code == 0, output
    assert stats["V1 REST"].requests > 0


@pytest.mark.parametrize("options", [("--threshold", "p98=1"), ("--shape", "tall")])
def test_options_that_make_no_sense_end_in_words(tmp_path: Path, options: tuple[str, ...]) -> None:
    code, output, _ = locust("--headless", "-u", "1", "-t", "1s", *options, tmp_path=tmp_path)
    assert code != 0
    assert options[1] in output
    assert "Traceback" not in output


def test_workers_of_a_distributed_run_tell_the_master_their_times(rest: str, tmp_path: Path, run: Any) -> None:
    exact = tmp_path / "exact.json"
    code, output, _ = run(rest, 2, "V1Rest", "--processes", "2", "--exact", str(exact))
    assert code == 0, output
    assert json.loads(exact.read_text())["requests"]["V1 REST"]["requests"] > 0
