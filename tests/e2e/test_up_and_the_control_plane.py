"""`isvc up`, `get` and `down` beside a control plane, and before and after one: two ways to say what is wanted, one
answer to what runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from e2e.plane import Plane, light_checkout, light_service, until
from e2e.stack import Done, Stack, curl

pytestmark = pytest.mark.e2e


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    """Not started yet."""
    light_checkout(tmp_path)
    made = Plane(Stack(tmp_path / "state", "process", f"e2e-up-{os.getpid()}"), folder=tmp_path)
    yield made
    made.end()


def up(plane: Plane, *services: dict[str, object], check: bool = True) -> Done:
    file = plane.folder / "service.yaml"
    file.write_text("---\n".join(yaml.safe_dump(service) for service in services))
    words = ("--settings", plane.folder / "isvc.yaml", "--real", "0", "--backend", "process", "--ingress-port", 0)
    return plane.stack.isvc("up", file, *words, check=check)


def answer(plane: Plane, name: str) -> object:
    return curl(plane.stack, name, "/")[1]


def names(plane: Plane) -> set[str]:
    return set(plane.kubectl("get", "isvc", "-A", "-o", "jsonpath={.items[*].metadata.name}").split())


def test_up_gives_its_objects_to_the_control_plane_namespaces_too(plane: Plane) -> None:
    plane.start()
    assert "created" in up(plane, light_service("one", "first"), light_service("two", "other", "elsewhere")).stdout
    assert names(plane) == {"one", "two"}
    assert "configured" in up(plane, light_service("one", "second")).stdout
    assert answer(plane, "one") == "second"
    assert "unchanged" in up(plane, light_service("one", "second")).stdout
    assert 'two" deleted' in plane.stack.isvc("down", "two").stdout
    assert names(plane) == {"one"}
    plane.stack.isvc("down")
    assert names(plane) == set()
    refused = plane.stack.isvc("down", "--volumes", check=False)
    assert (refused.returncode, "isvc serve" in refused.stderr) == (2, True)


def test_edited_code_is_a_change_that_the_control_plane_is_told_of(plane: Plane) -> None:
    plane.start()
    up(plane, light_service("one", "word"))
    code = plane.folder / "light/model.py"
    code.write_text(code.read_text().replace("sys.argv[1].encode()", "sys.argv[1].upper().encode()"))
    assert "configured" in up(plane, light_service("one", "word")).stdout
    until(lambda: answer(plane, "one") == "WORD", "the edited code")


@pytest.mark.parametrize("served", [True, False])
def test_an_up_that_fails_gives_back_the_object_and_what_ran(plane: Plane, served: bool) -> None:
    if served:
        plane.start()
    up(plane, light_service("one", "first"))
    broken = light_service("one", "second")
    broken["spec"]["predictor"]["containers"][0]["command"] = ["python", "nothing.py"]
    failed = up(plane, broken, light_service("two", "new"), check=False)
    assert failed.returncode == 1, failed.stderr
    assert "nothing.py" in failed.stderr
    if not served:
        plane.start()
    plane.wait_ready("one")
    until(lambda: answer(plane, "one") == "first", "what ran before")
    assert names(plane) == {"one"}


def test_down_without_a_control_plane_takes_the_objects_along(plane: Plane) -> None:
    up(plane, light_service("one", "first"), light_service("two", "other"))
    plane.stack.isvc("down", "one")
    plane.start()
    assert names(plane) == {"two"}
    assert answer(plane, "two") == "other"
    plane.stop()
    plane.stack.isvc("down")
    plane.start()
    assert names(plane) == set()


def test_a_second_control_plane_of_one_project_is_refused(plane: Plane) -> None:
    plane.start()
    second = plane.stack.isvc("serve", "--backend", "process", check=False, timeout=30)
    assert second.returncode == 1
    assert "has a control plane already" in second.stderr
