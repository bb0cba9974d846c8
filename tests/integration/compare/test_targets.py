"""What is at the address and does not do what an arm asks of it: said in words, and no number of it."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.compare import cross, ground, plan
from benchmark.compare.__main__ import main
from benchmark.compare.account import account
from benchmark.compare.findings import Findings
from benchmark.compare.load.crew import Crew, crew
from benchmark.compare.report import page
from benchmark.compare.session import Session

HOST = "service.default.example.com"
ABOUT = {"when": "now", "cpu": "a cpu", "cores": 2, "command": "compare", "versions": {}}


class Rest(http.server.BaseHTTPRequestHandler):
    """Speaks V1 and V2 in JSON to the one host, and no gRPC; to the binary extension it says no."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        binary = "inference-header-content-length" in self.headers
        status, answer = 200, '{"predictions": [1, 2]}'
        if self.path.startswith("/v2/"):
            status, answer = (400, '{"error": "no binary"}') if binary else (200, '{"outputs": [{"data": [1, 2]}]}')
        if self.headers["host"] != HOST:
            status, answer = 404, "404 page not found"
        self.send_response(status)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Rest)
    server.daemon_threads = True
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    serving.join(10)
    server.server_close()


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Crew]:
    with crew(1, tmp_path / "crew.log") as made:
        yield made


def session(url: str, clients: Crew, folder: Path) -> Session:
    here = ground.of_target(url, HOST, "m", b"picture", folder)
    made = Session(here, clients, plan.QUICK, Findings(about=dict(ABOUT)), lambda _seconds: None)
    made.check_answers()
    return made


def test_an_arm_that_the_service_does_not_speak_has_a_reason_and_no_number(
    url: str, clients: Crew, tmp_path: Path
) -> None:
    one = session(url, clients, tmp_path)
    one.closed(one.ground.of("client"), 1, plan.Loads(4, 0.1))
    document = account(one.findings)
    why = {row["arm"]: row["why"] for row in document["missing"]}
    assert why.keys() == {"v2-binary", "grpc", "grpc-again"}
    assert "400: " in why["v2-binary"]
    assert {row["arm"] for row in document["series"]} == {"v1", "v2-json"}
    assert not any(row["found"] for row in document["verdicts"])
    assert any("there is no V2 binary: 400: " in row["sentence"] for row in document["verdicts"])
    assert "why there is no number" in page.render(document)


def test_a_host_that_nobody_has_ends_with_the_answer_and_what_was_asked(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = ["--target", url, "--service-host", "nobody.example.com", "--model", "m"]
    assert main(["--quick", *wrong, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert "404: 404 page not found" in told
    assert "host nobody.example.com" in told
    assert not (tmp_path / "out").exists()


def test_wrk_is_another_witness_where_it_is_installed_and_said_where_it_is_not(
    url: str, clients: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = session(url, clients, tmp_path)
    program = tmp_path / "bin/wrk"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\ncat <<END\n    50%  1.25ms\n  40 requests in 1s\n  Non-2xx or 3xx responses: 3\nEND\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    cross.with_wrk(one.ground, clients, one.findings, 0.2, tmp_path, "v1")
    (found,) = one.findings.cross
    assert (found.engine, found.theirs, found.requests, found.failures) == ("wrk", 1.25, 40, 3)
    assert not found.agrees

    monkeypatch.setenv("PATH", str(tmp_path))
    cross.with_wrk(one.ground, clients, one.findings, 0.2, tmp_path, "v1")
    assert "wrk is not installed" in one.findings.notes[-1]
