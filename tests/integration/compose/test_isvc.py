"""`isvc up --backend compose` and its sisters, on a real engine."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker
import pytest

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples/torch-transformer/transformer-new.yaml"
INPUT = EXAMPLE.with_name("input.json")
ISVC = Path(sys.executable).with_name("isvc")


@dataclass(frozen=True)
class Project:
    engine: docker.DockerClient
    environment: dict[str, str]
    state: Path
    name: str = "default"

    def isvc(self, command: str, *words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        argv = [ISVC, command, *words, "--project", self.name, "--state-dir", self.state]
        done = subprocess.run(
            list(map(str, argv)),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, f"isvc {command} exited {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stdout + done.stderr
        return done

    def up(self, *files: Path, code: int = 0, words: tuple[object, ...] = ()) -> subprocess.CompletedProcess[str]:
        return self.isvc("up", *files, "--backend", "compose", "--ingress-port", 0, *words, code=code)

    def get(self, name: str) -> Any:
        return json.loads(self.isvc("get", name, "-o", "json").stdout)

    def containers(self) -> dict[str, str]:
        """The project's containers: name of the service -> ID."""
        root = (self.state / self.name).absolute()
        project = f"isvc-{self.name}-{hashlib.sha256(str(root).encode()).hexdigest()[:6]}"
        found = self.engine.containers.list(all=True, filters={"label": f"com.docker.compose.project={project}"})
        return {container.labels["com.docker.compose.service"]: str(container.id) for container in found}

    def volumes(self) -> list[str]:
        return [volume.name for volume in self.engine.volumes.list() if f"isvc-{self.name}-" in volume.name]


@pytest.fixture
def project(
    docker_engine: docker.DockerClient, environment: dict[str, str], images: None, tmp_path: Path
) -> Iterator[Project]:
    made = Project(docker_engine, environment, tmp_path / "state", f"t{tmp_path.name[-12:].strip('_').lower()}"[:20])
    made = replace(made, name="".join(c for c in made.name if c.isalnum()))
    yield made
    made.isvc("down", "--volumes")
    assert made.containers() == {}
    assert made.volumes() == []


def written(path: Path, name: str, *changes: tuple[str, str]) -> Path:
    """The example under another name, and with the text of `changes` replaced."""
    text = EXAMPLE.read_text().replace("name: torch-transformer", f"name: {name}")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    path.with_name("input.json").write_bytes(INPUT.read_bytes())
    return path


def test_a_service_comes_up_answers_is_told_of_and_goes(project: Project) -> None:
    told = project.up(EXAMPLE).stdout
    assert "backend: compose" in told
    assert "inferenceservice.serving.kserve.io/torch-transformer created" in told
    assert json.loads(project.isvc("predict", "torch-transformer").stdout) == {"predictions": [2]}
    assert project.get("torch-transformer")["status"]["url"] == "http://torch-transformer.default.example.com"
    assert "True" in project.isvc("get").stdout
    logs = project.isvc("logs", "torch-transformer", "-c", "storage-initializer").stdout
    assert logs.startswith("torch-transformer-storage-initializer | ")
    assert "unchanged" in project.up(EXAMPLE).stdout
    assert 'inferenceservice.serving.kserve.io "torch-transformer" deleted' in project.isvc("down").stdout
    assert project.containers() == {}
    assert project.volumes() != []
    project.isvc("down", "--volumes")
    assert project.volumes() == []


def test_a_changed_service_is_changed_and_another_is_left_alone(project: Project, tmp_path: Path) -> None:
    first, second = written(tmp_path / "a.yaml", "first"), written(tmp_path / "b.yaml", "second")
    project.up(first, second)
    before = project.containers()
    changed = written(first, "first", ("- mnist", "- mnist\n          - --max_threads=2"))
    told = project.up(changed, second).stdout
    assert "first configured" in told
    assert "second unchanged" in told
    after = project.containers()
    assert {name for name in after if after[name] != before[name]} == {"first-transformer"}
    project.isvc("down", "second")
    assert "second-predictor" not in project.containers()
    assert json.loads(project.isvc("predict", "first").stdout) == {"predictions": [2]}


def test_two_projects_run_side_by_side(project: Project) -> None:
    other = replace(project, name=f"{project.name}b")
    try:
        project.up(EXAMPLE)
        other.up(EXAMPLE)
        for one in (project, other):
            assert json.loads(one.isvc("predict", "torch-transformer").stdout) == {"predictions": [2]}
        project.isvc("down")
        assert json.loads(other.isvc("predict", "torch-transformer").stdout) == {"predictions": [2]}
    finally:
        other.isvc("down", "--volumes")


def test_an_initializer_that_fails_is_named_with_its_last_lines_in_seconds(project: Project, tmp_path: Path) -> None:
    broken = tmp_path / "model.tar.gz"
    broken.write_bytes(b"this is no archive")
    source = "gs://kfserving-examples/models/torchserve/image_classifier/v1"
    file = written(tmp_path / "broken.yaml", "broken", (source, str(broken)))
    started = time.monotonic()
    told = project.up(file, code=1).stderr
    assert "broken-storage-initializer: ended with code 1" in told
    assert "model.tar.gz" in told
    assert time.monotonic() - started < 60, "it did not wait for the timeout"
    assert project.containers() == {}


def test_a_model_that_is_not_there_starts_nothing(project: Project, tmp_path: Path) -> None:
    file = written(tmp_path / "missing.yaml", "missing", ("image_classifier/v1", "image_classifier/v9"))
    told = project.up(file, code=1).stderr
    assert "missing-storage-initializer" in told
    assert "isvc.yaml" in told
    assert project.containers() == {}


def test_a_transformer_that_does_not_start_gives_back_what_ran_before(
    project: Project, tmp_path: Path, until: Callable[..., None]
) -> None:
    file = written(tmp_path / "good.yaml", "good")
    project.up(file)
    written(file, "good", ('"model"]', '"nothing"]'))
    told = project.up(file, code=1).stderr
    assert "good-transformer: ended with code 1" in told
    assert "nothing" in told
    ready = {"type": "Ready", "status": "True"}
    until(lambda: ready in project.get("good")["status"]["conditions"], "what ran before to be ready")
    assert json.loads(project.isvc("predict", "good").stdout) == {"predictions": [2]}


def test_a_build_that_fails_shows_the_step_and_leaves_nothing(project: Project, tmp_path: Path) -> None:
    build = tmp_path / "build"
    build.mkdir()
    (build / "Dockerfile").write_text("ARG PYTHON_IMAGE\nFROM ${PYTHON_IMAGE}\nRUN echo the reason >&2 && false\n")
    settings = tmp_path / "isvc.yaml"
    bucket = ROOT / "models/bucket"
    settings.write_text(
        f"storage: {{gs://kfserving-examples/: {bucket}}}\nimages: {{kserve/image-transformer: {build}}}\n"
    )
    told = project.up(EXAMPLE, code=1, words=("--settings", settings)).stderr
    assert "the build of an image failed" in told
    assert "the reason" in told
    assert project.containers() == {}


def test_the_other_backend_is_refused_while_this_one_runs_the_project(project: Project) -> None:
    project.up(EXAMPLE)
    told = project.isvc("up", EXAMPLE, "--backend", "process", "--ingress-port", 0, code=2).stderr
    assert "runs by --backend compose" in told
