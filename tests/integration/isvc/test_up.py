"""`isvc up` and its companions with real processes and the real ingress."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import psutil


def ask(port, host="demo.default.example.com"):
    """Status of a prediction."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/models/mnist:predict",
        b"{}",
        {"Host": host, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def ingress_port(workspace, *project):
    lines = workspace.isvc("get", "-o", "env", *project).stdout.splitlines()
    return int(dict(line.split("=", 1) for line in lines)["INGRESS_PORT"])


def units(workspace):
    state = json.loads((workspace.folder / ".isvc/default/state.json").read_text())
    return {unit["name"]: unit for service in state["status"]["services"] for unit in service["units"]}


def until(holds, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.02)


def test_up_ends_with_a_service_that_answers_and_lines_that_work_as_pasted(workspace):
    done = workspace.up(workspace.service())
    assert done.returncode == 0, done.stderr
    assert "inferenceservice.serving.kserve.io/demo created" in done.stdout
    assert "demo predicts" in done.stdout
    curl = next(line for line in done.stdout.splitlines() if line.startswith("  curl "))
    pasted = subprocess.run(shlex.split(curl), cwd=workspace.folder, capture_output=True, timeout=20)
    assert json.loads(pasted.stdout) == {"predictions": ["t"]}
    assert ask(ingress_port(workspace), "nobody.default.example.com") == 404


def test_get_shows_the_service_to_people_and_programs(workspace):
    assert workspace.up(workspace.service()).returncode == 0
    header, row = workspace.isvc("get").stdout.splitlines()
    assert header.split() == [
        *("NAME", "URL", "READY", "PREV", "LATEST", "PREVROLLEDOUTREVISION", "LATESTREADYREVISION", "AGE")
    ]
    assert row.split()[:3] == ["demo", "http://demo.default.example.com", "True"]
    status = json.loads(workspace.isvc("get", "demo", "-o", "json").stdout)["status"]
    assert {"type": "Ready", "status": "True"} in status["conditions"]
    assert "demo-predictor" in workspace.isvc("get", "-o", "wide").stdout
    assert json.loads(workspace.isvc("predict", "demo").stdout) == {"predictions": ["t"]}


def test_a_second_up_changes_nothing_and_an_edit_restarts_only_what_it_is_about(workspace):
    file = workspace.service()
    assert workspace.up(file).returncode == 0
    first = units(workspace)
    assert "demo unchanged" in workspace.up(file).stdout
    assert units(workspace) == first
    assert "demo configured" in workspace.up(workspace.service(transformer="--name=edited")).stdout
    second = units(workspace)
    assert second["demo-predictor"]["pid"] == first["demo-predictor"]["pid"]
    assert second["demo-transformer"]["pid"] != first["demo-transformer"]["pid"]
    assert json.loads(workspace.isvc("predict", "demo").stdout) == {"predictions": ["edited"]}


def test_a_transformer_that_dies_at_start_fails_up_with_its_last_lines_and_leaves_nothing(workspace):
    done = workspace.up(workspace.service(transformer="--fail=the code is broken"))
    assert done.returncode == 1
    assert "demo-transformer: ended with code 1" in done.stderr
    assert "the code is broken" in done.stderr
    assert "Traceback" not in done.stderr
    assert not workspace.processes()
    assert "the code is broken" in workspace.isvc("logs").stdout


def test_a_predictor_that_finds_no_model_it_can_serve_fails_up(workspace):
    done = workspace.up(workspace.service(model="image_classifier/v1/config"))
    assert done.returncode == 1
    assert "demo-predictor: ended with code" in done.stderr
    assert not workspace.processes()


def test_a_model_that_is_not_at_its_address_fails_up_with_the_initializers_message(workspace):
    done = workspace.up(workspace.service(model="nowhere"))
    assert done.returncode == 1
    assert "demo-storage-initializer: ended with code 1" in done.stderr
    assert "nowhere" in done.stderr
    assert not workspace.processes()


def test_a_failed_up_leaves_the_stack_that_ran_before_as_it_was(workspace):
    assert workspace.up(workspace.service()).returncode == 0
    port = ingress_port(workspace)
    worse, other = workspace.service(transformer="--fail=no"), workspace.service("other", model="nowhere")
    assert workspace.up(worse).returncode == 1
    assert workspace.up(other).returncode == 1
    assert workspace.isvc("get", "-o", "name").stdout.split() == ["inferenceservice.serving.kserve.io/demo"]
    until(lambda: ask(port) == 200)


def test_an_answer_other_than_200_to_the_first_prediction_fails_up(workspace):
    done = workspace.up(workspace.service(transformer="--status=500"))
    assert done.returncode == 1
    assert "answered 500" in done.stderr
    assert not workspace.processes()


def test_a_taken_port_fails_up_before_anything_starts_and_names_the_holder(workspace):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = workspace.isvc("up", workspace.service(), "--backend", "process", "--ingress-port", str(port))
    assert done.returncode == 1
    assert f"port {port} is taken by python" in done.stderr
    assert not workspace.processes()


def test_ctrl_c_during_up_leaves_nothing(workspace):
    starting = workspace.start("up", workspace.service(), "--backend", "process", "--ingress-port", "0")
    until(lambda: "created" in starting.stdout.readline())
    starting.send_signal(signal.SIGINT)
    _, complaint = starting.communicate(timeout=30)
    assert starting.returncode == 130
    assert "interrupted" in complaint
    assert not workspace.processes()


def test_bad_yaml_is_exit_code_2_and_starts_nothing(workspace):
    (workspace.folder / "bad.yaml").write_text("apiVersion: serving.kserve.io/v1beta1\nkind: Inference\n")
    done = workspace.up("bad.yaml")
    assert done.returncode == 2
    assert "bad.yaml" in done.stderr
    assert not (workspace.folder / ".isvc").exists()


def test_two_projects_run_side_by_side(workspace):
    file = workspace.service()
    for project in ("one", "two"):
        assert workspace.up(file, "--project", project).returncode == 0
    ports = {ingress_port(workspace, "--project", project) for project in ("one", "two")}
    assert len(ports) == 2
    assert [ask(port) for port in ports] == [200, 200]
    workspace.isvc("down", "--project", "one")
    assert ask(ingress_port(workspace, "--project", "two")) == 200


def test_a_killed_transformer_means_503_and_then_200_again(workspace):
    assert workspace.up(workspace.service()).returncode == 0
    port = ingress_port(workspace)
    supervisor = psutil.Process(units(workspace)["demo-transformer"]["pid"]).parent()
    # A second death in a row is followed by a pause, in which the 503 is there to be seen.
    for _ in range(2):
        before = units(workspace)["demo-transformer"]
        psutil.Process(before["pid"]).kill()
        until(lambda was=before: units(workspace)["demo-transformer"] != was)
    until(lambda: ask(port) == 503)
    assert "False" in workspace.isvc("get").stdout
    until(lambda: ask(port) == 200)
    assert supervisor.is_running()


def test_down_of_one_service_leaves_the_other(workspace):
    assert workspace.up(workspace.service("one"), workspace.service("two")).returncode == 0
    port = ingress_port(workspace, "one")
    assert '"one" deleted' in workspace.isvc("down", "one").stdout
    until(lambda: ask(port, "one.default.example.com") == 404)
    assert ask(port, "two.default.example.com") == 200
    assert not any("one-predictor" in " ".join(process.cmdline()) for process in workspace.processes())


def test_down_finds_what_a_killed_supervisor_left_and_is_idempotent(workspace):
    assert workspace.up(workspace.service()).returncode == 0
    supervisor = psutil.Process(units(workspace)["demo-transformer"]["pid"]).parent()
    supervisor.kill()
    supervisor.wait(10)
    assert "False" in workspace.isvc("get").stdout
    assert workspace.isvc("down").returncode == 0
    assert not workspace.processes()
    assert workspace.isvc("down").returncode == 0


def test_up_after_a_killed_supervisor_brings_the_service_back(workspace):
    file = workspace.service()
    assert workspace.up(file).returncode == 0
    psutil.Process(units(workspace)["demo-transformer"]["pid"]).parent().kill()
    assert workspace.up(file).returncode == 0
    assert ask(ingress_port(workspace)) == 200


def test_down_with_volumes_leaves_no_file(workspace):
    assert workspace.up(workspace.service()).returncode == 0
    assert workspace.isvc("down", "--volumes").returncode == 0
    assert not (workspace.folder / ".isvc/default").exists()
