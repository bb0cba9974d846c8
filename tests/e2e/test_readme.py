"""The README's commands, pasted into a copy of this checkout: every ```console block in order, and the ```sh blocks
beside a control plane.

A line after a command stands somewhere in what the command prints. Only the ingress' port is another one.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.plane import kubectl
from e2e.stack import ROOT

pytestmark = pytest.mark.e2e

WITHOUT_DOCKER = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
"""The README's first page is about a machine without an engine."""
README = (ROOT / "README.md").read_text()
FILES = re.findall(r"^`([\w/.-]+)`[^\n]*:\n\n```\w+\n(.*?)^```", README, re.S | re.M)
SERVE, KUBECTL = re.findall(r"^```sh\n(.*?)^```", README, re.S | re.M)
BLOCKS = re.findall(r"^```console\n(.*?)^```", README, re.S | re.M)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each command and the lines that stand below it."""
    for block in BLOCKS:
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *printed = part.splitlines()
            yield command, printed


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """What a clone would hold, with this checkout's environment."""
    stale = subprocess.run(["make", "--question", ".venv/.run"], cwd=ROOT, check=False).returncode
    assert not stale, "the copy would install itself into this checkout's .venv; run `make install` first"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    yield tmp_path
    subprocess.run(["make", "down"], cwd=tmp_path, check=True, capture_output=True)


def test_every_command_of_the_readme_works_as_pasted(checkout: Path) -> None:
    assert [name for name, _ in FILES] == ["digits/model.py", "digits/service.yaml"]
    for name, text in FILES:
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    environment = {**WITHOUT_DOCKER, "INGRESS_PORT": port}
    run = list(commands())
    assert len(run) >= 8
    for command, printed in run:
        done = subprocess.run(
            ["bash", "-c", command.replace("8080", port)],
            cwd=checkout, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
        for line in printed:
            assert line in done.stdout, f"$ {command}\n{done.stdout}{done.stderr}"


def test_the_second_page_works_as_pasted_into_two_shells(checkout: Path) -> None:
    kubectl()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    environment = {**WITHOUT_DOCKER, "INGRESS_PORT": port, "REAL": "0", "HOME": str(checkout)}
    with subprocess.Popen(
        ["bash", "-c", f"exec {SERVE}"], cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as serving:  # fmt: skip
        try:
            assert serving.stdout is not None
            assert any("KUBECONFIG" in line for line in serving.stdout)
            done = subprocess.run(
                ["bash", "-euc", KUBECTL.replace("8080", port)],
                cwd=checkout, env=environment, capture_output=True, text=True, timeout=200, check=False,
            )  # fmt: skip
        finally:
            os.killpg(serving.pid, signal.SIGINT)
    assert done.returncode == 0, done.stdout + done.stderr
    printed = done.stdout
    for line in re.findall(r"^# (.*)", KUBECTL, re.M):
        _, found, printed = printed.partition(line)
        assert found, f"{line} is not printed, or not in this order\n{done.stdout}{done.stderr}"


def test_the_readme_s_grpc_client_gets_an_answer(checkout: Path) -> None:
    [code] = re.findall(r"^```python\n(import tritonclient.grpc.*?)^```", README, re.S | re.M)

    def run(*words: str) -> str:
        return subprocess.run(
            words, cwd=checkout, capture_output=True, text=True, timeout=120, check=True, env=WITHOUT_DOCKER
        ).stdout

    run("make", "up", "INGRESS_PORT=0")
    variables = run(".venv/bin/isvc", "get", "torch-grpc-transformer", "-o", "env")
    port = re.findall(r"INGRESS_PORT=(\d+)", variables)[0]
    assert 'name: "cifar10"' in run(".venv/bin/python", "-c", code.replace("8080", port))
