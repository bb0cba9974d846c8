"""The `docker` command: whether there is an engine to speak to, and one project's `docker compose`.

The command, not the engine's socket: it knows the user's contexts, hosts and credentials.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isvc.backends.compose import IMAGES_FILE, progress
from isvc.backends.stack import Gone, never
from isvc.errors import StackError, WaitTimeout

_ANSWER = 20.0
"""Seconds in which an engine that is there answers a question."""
_LOOK = 0.2
_BUILD = 1800.0
_PULL_AND_CREATE = 600.0
_END = 90.0
_OTHERWISE = "--backend process runs the same units without containers"
_PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"


def problem() -> str | None:
    """Why there can be no containers here, with the mend; None where there can be."""
    if shutil.which("docker") is None:
        return f"there is no `docker` command on PATH; install Docker, or {_OTHERWISE}"
    asked = _ask("version", "--format", "{{.Server.Version}}")
    if asked.returncode:
        return f"no Docker engine answers ({_last_line(asked.stderr)}); start it, or {_OTHERWISE}"
    compose = _ask("compose", "version", "--short")
    if compose.returncode or not compose.stdout.strip().lstrip("v").startswith(("2", "3", "4", "5")):
        old = " (docker-compose, version 1, is not enough)" if shutil.which("docker-compose") else ""
        return f"Docker is there, but Compose v2 is not{old}; install the plugin docker-compose-plugin, or {_OTHERWISE}"
    return None


@dataclass(frozen=True, slots=True)
class Project:
    """`docker compose` for one project."""

    name: str
    file: Path
    say: Callable[[str], None] = field(compare=False)

    def require(self) -> None:
        """Raises StackError where there can be no containers."""
        found = problem()
        if found is not None:
            raise StackError(found)

    def has_image(self, name: str) -> bool:
        return _ask("image", "inspect", "--format", "{{.Id}}", name).returncode == 0

    def build(self) -> None:
        """Build the images of ours, saying each step that takes time. Raises StackError with the failing step."""
        file = self.file.with_name(IMAGES_FILE)
        command = ["docker", "compose", "--file", str(file), "--progress", "plain", "build"]
        news = progress.BuildNews()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            for line in process.stdout:
                told = news.read(line.rstrip("\n"))
                if told is not None:
                    self.say(f"  build: {told}")
            code = process.wait(_BUILD)
        if code:
            raise StackError(news.failure())

    def create(self, again: Sequence[str]) -> None:
        """Make the containers, those in `again` anew; pull what is missing, remove what is not in the file any more."""
        if again:
            self._run(_END, "rm", "--stop", "--force", *again)
        self._run(_PULL_AND_CREATE, "create", "--no-build", "--remove-orphans")

    def start(self, log: Path) -> subprocess.Popen[bytes]:
        """Begin to start the containers, each when what it needs is there. It goes on by itself, writing to `log`."""
        with log.open("wb") as output:
            return subprocess.Popen(
                self._compose("up", "--detach", "--no-build", "--no-recreate"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def down(self, *, volumes: bool) -> None:
        self._run(_END, "down", "--remove-orphans", *(["--volumes"] if volumes else []))
        if volumes:  # those of services that went before, too: the Compose file knows them no more
            left = _ask("volume", "ls", "--quiet", "--filter", f"label={_PROJECT_LABEL}={self.name}").stdout.split()
            if left:
                _ask("volume", "rm", *left)

    def containers(self) -> list[dict[str, Any]]:
        """Every container of the project, as `docker inspect` tells it."""
        listed = _ask("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={_PROJECT_LABEL}={self.name}")
        if listed.returncode:
            raise StackError(f"no Docker engine answers: {_last_line(listed.stderr)}")
        ids = listed.stdout.split()
        found = json.loads(_ask("inspect", *ids).stdout or "[]") if ids else []
        return [container for container in found if isinstance(container, dict)]

    def last_lines(self, container: str, count: int) -> tuple[str, ...]:
        told = _ask("logs", "--tail", str(count), container, together=True)
        return tuple(told.stdout.splitlines())

    def logs(self, services: Sequence[str], tail: int | None, follow: bool, gone: Gone = never) -> Iterator[str]:
        """Lines as `docker compose logs --timestamps` writes them, until the containers end or the caller does."""
        words = ["--no-color", "--timestamps", "--tail", "all" if tail is None else str(tail)]
        command = self._compose("logs", *words, *(["--follow"] if follow else []), *services)
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
        )
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        if gone is not never:
            threading.Thread(target=_end_when, args=(gone, process), daemon=True).start()
        try:
            yield from process.stdout
        finally:
            process.terminate()
            process.stdout.close()
            process.wait(_ANSWER)

    def _compose(self, *words: str) -> list[str]:
        file = ["--file", str(self.file)] if self.file.exists() else []
        return ["docker", "compose", "--project-name", self.name, *file, *words]

    def _run(self, timeout: float, *words: str) -> None:
        try:
            done = subprocess.run(
                self._compose(*words),
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as exc:
            raise WaitTimeout(f"docker compose {words[0]}", timeout) from exc
        if done.returncode:
            raise StackError(f"docker compose {words[0]}: {progress.reason(done.stderr)}")


def _ask(*words: str, together: bool = False) -> subprocess.CompletedProcess[str]:
    """`docker WORDS...`, with a bound. `together`: standard error is read as output."""
    try:
        return subprocess.run(
            ["docker", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if together else subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=_ANSWER,
            check=False,
            env={**os.environ, "DOCKER_CLI_HINTS": "false"},
        )
    except subprocess.TimeoutExpired as exc:
        raise WaitTimeout(f"docker {words[0]}", _ANSWER) from exc


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it says nothing"


def _end_when(gone: Gone, process: subprocess.Popen[str]) -> None:
    """Ends a command that waits for lines which may never come."""
    while process.poll() is None:
        if gone():
            process.terminate()
        time.sleep(_LOOK)
