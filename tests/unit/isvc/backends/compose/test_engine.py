"""The `docker` command, played by a script that says what a real one would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from isvc.backends.compose import engine
from isvc.errors import StackError

Docker = Callable[[str], None]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """Makes the body of a shell script the only `docker` on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(body: str) -> None:
        script = folder / "docker"
        script.write_text(f"#!/bin/sh\n{body}\n")
        script.chmod(0o755)

    return make


@pytest.fixture
def project(tmp_path: Path) -> engine.Project:
    return engine.Project("p", tmp_path / "compose.yaml", lambda _: None)


def test_without_docker_the_way_out_is_the_process_backend(docker: Docker) -> None:
    assert "no `docker` command" in str(engine.problem())
    assert "--backend process" in str(engine.problem())


def test_an_engine_that_does_not_answer_is_named_with_what_docker_says(docker: Docker) -> None:
    docker("echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.' >&2; exit 1")
    assert "no Docker engine answers (Cannot connect to the Docker daemon" in str(engine.problem())


def test_compose_of_version_1_alone_is_said_to_be_not_enough(docker: Docker, tmp_path: Path) -> None:
    docker("""[ "$1" = version ] && echo 20.10.24 && exit 0; echo "'compose' is not a docker command" >&2; exit 1""")
    assert "Compose v2 is not; install" in str(engine.problem())
    old = tmp_path / "bin" / "docker-compose"
    old.write_text("#!/bin/sh\n")
    old.chmod(0o755)
    assert "docker-compose, version 1, is not enough" in str(engine.problem())


@pytest.mark.parametrize("version", ["2.26.1-4", "v2.39.0", "5.0.1"])
def test_an_engine_with_compose_v2_is_all_that_is_needed(docker: Docker, project: engine.Project, version: str) -> None:
    docker(f"""[ "$1" = version ] && echo 20.10.24 || echo {version}""")
    assert engine.problem() is None
    project.require()


def test_a_failed_build_raises_with_the_failing_step(docker: Docker, project: engine.Project) -> None:
    docker("""echo '#7 [t 4/6] RUN false'; echo '#7 0.1 boom'; echo ------; echo ' > [t 4/6] RUN false:';
echo '0.1 boom'; echo ------; echo 'failed to solve: exit code: 1'; exit 17""")
    with pytest.raises(StackError, match=r"(?s)the build of an image failed.*RUN false.*boom"):
        project.build()


def test_a_command_that_fails_raises_with_its_last_line(docker: Docker, project: engine.Project) -> None:
    docker("echo 'Container x  Creating' >&2; echo 'Error response from daemon: no space left' >&2; exit 1")
    with pytest.raises(StackError, match="docker compose create: Error response from daemon: no space left"):
        project.create([])


def test_every_call_names_the_project_and_the_file_where_there_is_one(
    docker: Docker, project: engine.Project, tmp_path: Path
) -> None:
    docker(f"""echo "$@" >> {tmp_path}/calls""")
    project.down(volumes=False)
    project.file.write_text("services: {}\n")
    project.down(volumes=True)
    project.create(["a"])
    assert (tmp_path / "calls").read_text().splitlines() == [
        "compose --project-name p down --remove-orphans",
        f"compose --project-name p --file {project.file} down --remove-orphans --volumes",
        "volume ls --quiet --filter label=com.docker.compose.project=p",
        f"compose --project-name p --file {project.file} rm --stop --force a",
        f"compose --project-name p --file {project.file} create --no-build --remove-orphans",
    ]


def test_volumes_of_services_that_went_before_are_removed_too(
    docker: Docker, project: engine.Project, tmp_path: Path
) -> None:
    docker(f"""echo "$@" >> {tmp_path}/calls; [ "$1 $2" = "volume ls" ] && echo p_second-models; true""")
    project.down(volumes=True)
    assert "volume rm p_second-models" in (tmp_path / "calls").read_text().splitlines()


def test_containers_of_a_project_are_found_by_its_label(docker: Docker, project: engine.Project) -> None:
    docker("""case "$1" in ps) case "$*" in *label=com.docker.compose.project=p*) echo abc;; esac;;
inspect) [ "$2" = abc ] && echo '[{"Id": "abc"}]';; esac""")
    assert project.containers() == [{"Id": "abc"}]


def test_no_containers_are_no_error_and_no_engine_is_one(docker: Docker, project: engine.Project) -> None:
    docker("exit 0")
    assert project.containers() == []
    docker("echo 'Cannot connect' >&2; exit 1")
    with pytest.raises(StackError, match="no Docker engine answers: Cannot connect"):
        project.containers()


def test_logs_that_nobody_reads_on_end_the_command(docker: Docker, project: engine.Project) -> None:
    docker("echo one; exec /bin/sleep 60")
    lines = project.logs(["a"], None, follow=True)
    assert next(lines) == "one\n"
    lines.close()  # type: ignore[attr-defined]  # a generator: closing it ends `docker`, or this test takes a minute
