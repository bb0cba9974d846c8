"""A changed service rolls from one revision to the next; what happens where the next never comes, or all is killed."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from integration.isvc.conftest import BUCKET
from isvc.backends.folder import ProjectFolder
from isvc.backends.records import Report
from isvc.backends.stack import Phase, RouteState, ServiceStatus

if TYPE_CHECKING:
    from integration.isvc.conftest import Workspace

PATIENCE = 20.0
SLOW = '''
"""As the other server, but it is slow to start, and slow to answer where it is asked to be."""
import argparse, http.server, json, pathlib, signal, sys, threading, time

parser = argparse.ArgumentParser()
parser.add_argument("--http_port", type=int, required=True)
parser.add_argument("--name", default="server")
parser.add_argument("--starts", type=float, default=0)
args, _ = parser.parse_known_args()
time.sleep(args.starts)


class Handler(http.server.BaseHTTPRequestHandler):

    def do_GET(self):
        self.answer()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(body.get("takes", 0))
        self.answer()

    def answer(self):
        body = json.dumps({"predictions": [args.name]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # requests on their way are answered before it ends


server = Server(("127.0.0.1", args.http_port), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
'''


@pytest.fixture
def slow(workspace: Workspace) -> Workspace:
    (workspace.folder / "server/server.py").write_text(SLOW)
    return workspace


def report(workspace: Workspace) -> Report:
    (folder,) = (workspace.folder / ".isvc").iterdir()
    found = ProjectFolder(folder).read_report()
    assert found is not None
    return found


def status(workspace: Workspace) -> ServiceStatus:
    (service,) = report(workspace).status.services
    return service


def post(workspace: Workspace, **body: Any) -> str:
    """The name of the transformer that answered. Fails where none did."""
    connection = http.client.HTTPConnection("127.0.0.1", report(workspace).status.ingress_port, timeout=PATIENCE)
    try:
        connection.request("POST", "/", json.dumps(body), {"Host": "demo.default.example.com"})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (answer.status, text)
        return str(json.loads(text)["predictions"][0])
    finally:
        connection.close()


def get(workspace: Workspace, host: str) -> int:
    """The status; 0 where nobody listens yet."""
    connection = http.client.HTTPConnection("127.0.0.1", report(workspace).status.ingress_port, timeout=PATIENCE)
    try:
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def until(holds: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not so within {seconds} s: {what}"
        time.sleep(0.02)


@contextmanager
def asked_all_the_time(workspace: Workspace) -> Iterator[list[str]]:
    """The answers, or what was wrong with one."""
    answers: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.wait(0.01):
            try:
                answers.append(post(workspace))
            except (AssertionError, OSError, http.client.HTTPException) as exc:
                answers.append(repr(exc))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield answers
    finally:
        done.set()
        asking.join(PATIENCE)


def supervisor(workspace: Workspace) -> psutil.Process:
    return psutil.Process(report(workspace).supervisor.pid)


def names(workspace: Workspace) -> list[str]:
    """Of the transformers that run."""
    lines = [process.cmdline() for process in workspace.processes()]
    return sorted(word.partition("=")[2] for line in lines for word in line if word.startswith("--name="))


def test_a_service_that_is_not_ready_yet_is_answered_503_and_an_unknown_host_404(slow: Workspace) -> None:
    slow.service(transformer="--name=first, --starts=3")
    assert slow.up("demo.yaml", "--no-wait").returncode == 0
    seen: list[int] = []

    def answered() -> bool:
        seen.append(get(slow, "demo.default.example.com"))
        return seen[-1] == 200

    until(lambda: get(slow, "demo.default.example.com") == 503, "the ingress knows the service")
    until(answered, "the service is ready")
    assert set(seen) == {503, 200}
    assert get(slow, "nobody.default.example.com") == 404


def test_a_revision_that_ends_at_once_leaves_the_one_before_serving(workspace: Workspace) -> None:
    workspace.service(transformer="--name=old")
    assert workspace.up("demo.yaml").returncode == 0
    before = status(workspace).units
    workspace.service(transformer="--name=new, '--fail=no such luck'")
    with asked_all_the_time(workspace) as answers:
        failed = workspace.up("demo.yaml")
        until(lambda: len(answers) > 20, "answers")
    assert failed.returncode == 1
    assert "no such luck" in failed.stderr
    assert "demo is as it was before" in failed.stderr
    assert set(answers) == {"old"}
    assert status(workspace).units == before
    assert names(workspace) == ["old"]


def test_the_state_says_that_the_revision_before_serves_while_the_new_one_fails(workspace: Workspace) -> None:
    workspace.service(transformer="--name=old")
    assert workspace.up("demo.yaml").returncode == 0
    workspace.service(transformer="--name=new, '--fail=no such luck'")
    assert workspace.up("demo.yaml", "--no-wait").returncode == 0
    until(lambda: status(workspace).units[-1].phase is Phase.FAILED, "the failure is reported")
    told = status(workspace)
    assert (told.current, told.ready, told.route) == (False, False, RouteState.OPEN)
    (serving,) = told.previous
    assert (serving.name, serving.phase) == ("demo-transformer", Phase.READY)
    assert serving.revision != told.units[-1].revision
    assert serving.revision in workspace.isvc("get", "-o", "wide").stdout
    assert post(workspace) == "old"


def test_a_request_on_its_way_is_answered_by_the_revision_that_took_it(slow: Workspace) -> None:
    slow.service(transformer="--name=old")
    assert slow.up("demo.yaml").returncode == 0
    found: list[str] = []
    asking = threading.Thread(target=lambda: found.append(post(slow, takes=5)))
    asking.start()
    slow.service(transformer="--name=new")
    assert slow.up("demo.yaml").returncode == 0
    assert post(slow) == "new"
    until(lambda: any(unit.phase is Phase.STOPPING for unit in status(slow).previous), "the old one drains")
    asking.join(PATIENCE)
    assert found == ["old"]
    until(lambda: names(slow) == ["new"], "only the new revision runs")


def test_another_model_is_fetched_beside_the_one_that_serves(workspace: Workspace) -> None:
    assert workspace.up(workspace.service()).returncode == 0
    ((_, old),) = status(workspace).folders
    file = workspace.folder / workspace.service()
    shutil.copytree(BUCKET, workspace.folder / "copy")
    file.write_text(file.read_text().replace("gs://test/", f"file://{workspace.folder}/copy/"))
    assert workspace.up(file.name).returncode == 0
    ((_, new),) = status(workspace).folders
    assert old != new
    folder = Path(new).parents[1]
    until(lambda: len(list(folder.iterdir())) == 1, "the folder of the revision before is gone")
    assert [str(each) for each in folder.glob("*/models")] == [new]


def test_a_supervisor_killed_in_the_middle_of_a_roll_leaves_nothing_and_the_service_comes_back(slow: Workspace) -> None:
    slow.service(transformer="--name=old")
    assert slow.up("demo.yaml").returncode == 0
    slow.service(transformer="--name=new, --starts=30")
    rolling = slow.start("up", "demo.yaml", "--backend", "process")
    until(lambda: names(slow) == ["new", "old"], "two revisions side by side")
    killed = {process.pid for process in slow.processes()} - {rolling.pid}
    supervisor(slow).kill()
    # `up` finds nobody to wait for, and puts back what was there.
    assert rolling.wait(PATIENCE * 2) == 1
    rolling.communicate()
    until(lambda: status(slow).ready, "the service is back")
    assert post(slow) == "old"
    assert names(slow) == ["old"]
    assert killed.isdisjoint(process.pid for process in slow.processes())


def test_a_roll_of_which_everything_was_killed_is_finished_by_the_next_up(slow: Workspace) -> None:
    slow.service(transformer="--name=old")
    assert slow.up("demo.yaml").returncode == 0
    slow.service(transformer="--name=new, --starts=2")
    rolling = slow.start("up", "demo.yaml", "--backend", "process")
    until(lambda: names(slow) == ["new", "old"], "two revisions side by side")
    rolling.kill()
    rolling.communicate()
    supervisor(slow).kill()
    until(lambda: not slow.processes(), "nothing is left")
    assert slow.up("demo.yaml").returncode == 0
    assert post(slow) == "new"
    assert names(slow) == ["new"]
