"""The process backend with plans made by hand: what the operating system does to units, and what becomes of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from isvc.backends.folder import ProjectFolder
from isvc.backends.process.backend import ProcessBackend
from isvc.backends.stack import Phase
from isvc.plan.units import Component, Endpoint, Plan, Port, Probe, Route, ServicePlan, Unit

LISTEN = "import http.server, sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), None).serve_forever()"
PORT_TAKEN_ONCE = f"""
import pathlib, sys
first = pathlib.Path("first-port")
if not first.exists():
    first.write_text(sys.argv[1])
    sys.exit("OSError: [Errno 98] Address already in use")
{LISTEN}
"""
PORT_ALWAYS_TAKEN = "import sys; sys.exit('OSError: [Errno 98] Address already in use')"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {LISTEN}"
WITH_CHILD = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
{LISTEN}
"""


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[ProcessBackend]:
    made = ProcessBackend(ProjectFolder(tmp_path / "project"))
    yield made
    made.down(volumes=True)


def plan(*command: str) -> Plan:
    words = (*((word,) for word in command), (Port("http"),))
    unit = Unit("unit", Component.PREDICTOR, words, ports=(("http", 8080),), probe=Probe("http"))
    route = Route(("unit.example.com",), Endpoint("unit", "http"), None)
    return Plan((ServicePlan("service", "default", (unit,), route, "model"),))


def unit_status(backend):
    service = backend.status().service("default/service")
    return service.units[0] if service else None


def until(holds, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.02)


def is_ready(backend):
    return lambda: unit_status(backend).phase is Phase.READY


def ended(pid):
    return lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def child_pid(backend):
    lines = [line.text for line in backend.logs(["default/service/unit"], None, follow=False)]
    return int(next(line for line in reversed(lines) if line.startswith("child ")).split()[1])


def test_a_unit_whose_port_was_taken_meanwhile_gets_another(backend, tmp_path):
    backend.apply(plan("python", "-c", PORT_TAKEN_ONCE), 0)
    until(is_ready(backend))
    first = (tmp_path / "project/default/service/first-port").read_text()
    assert dict(unit_status(backend).addresses)["http"] != f"127.0.0.1:{first}"


def test_a_unit_that_finds_every_port_taken_fails_in_the_end(backend):
    backend.apply(plan("python", "-c", PORT_ALWAYS_TAKEN), 0)
    until(lambda: unit_status(backend).phase is Phase.FAILED)
    assert "already in use" in unit_status(backend).last_lines[-1]


def test_a_program_that_is_not_there_fails_and_says_so(backend):
    backend.apply(plan("no-such-program"), 0)
    until(lambda: unit_status(backend).phase is Phase.FAILED)
    assert unit_status(backend).exit_code == 127
    assert "no-such-program" in unit_status(backend).last_lines[-1]


def test_what_a_unit_started_ends_with_it(backend):
    backend.apply(plan("python", "-c", WITH_CHILD), 0)
    until(is_ready(backend))
    killed, orphan = unit_status(backend).pid, child_pid(backend)
    psutil.Process(killed).kill()
    until(ended(orphan))
    until(lambda: unit_status(backend).phase is Phase.READY and unit_status(backend).pid != killed)
    assert unit_status(backend).restarts == 1
    last = child_pid(backend)
    backend.down(volumes=False)
    assert ended(last)()


def test_down_ends_what_units_left_behind_when_the_supervisor_was_killed(backend):
    backend.apply(plan("python", "-c", WITH_CHILD), 0)
    until(is_ready(backend))
    left = child_pid(backend)
    supervisor = psutil.Process(unit_status(backend).pid).parent()
    supervisor.kill()
    until(ended(supervisor.pid))
    assert not backend.status().running
    backend.down(volumes=False)
    assert ended(left)()


def test_down_ends_what_does_not_heed_the_signal_once_and_says_so(backend, tmp_path):
    backend.apply(plan("python", "-c", DEAF), 0)
    until(is_ready(backend))
    deaf = unit_status(backend).pid
    backend.down(volumes=False)
    assert ended(deaf)()
    assert (tmp_path / "project/supervisor.log").read_text().count("did not end in time") == 1


def test_a_foreign_process_with_a_recorded_number_is_left_alone(backend, tmp_path):
    backend.apply(plan("python", "-c", LISTEN), 0)
    until(is_ready(backend))
    supervisor = psutil.Process(unit_status(backend).pid).parent()
    supervisor.kill()
    until(ended(supervisor.pid))
    state = tmp_path / "project/state.json"
    own = psutil.Process()
    # The test's own number, with another time of creation: were it believed, this test would not live to say so.
    forged = json.dumps(["x", {"is": "ProcessId", "pid": own.pid, "created": 1.0}])
    state.write_text(state.read_text().replace('"children": [', f'"children": [{forged}, '))
    backend.down(volumes=False)
    assert own.is_running()


def test_a_stack_of_another_version_can_be_stopped(backend, tmp_path):
    backend.apply(plan("python", "-c", LISTEN), 0)
    until(is_ready(backend))
    unit = unit_status(backend).pid
    for name in ("wanted.json", "state.json"):
        file = tmp_path / "project" / name
        file.write_text(file.read_text().replace('"model_name"', '"name_of_the_model"'))
    backend.down(volumes=False)
    assert ended(unit)()
