from argparse import Namespace

import pytest

from isvc.cli.stacks import find, only, state_folder
from isvc.errors import InputError


def test_a_service_is_found_by_its_name(stack, service):
    assert find(stack(service("a"), service("b")), "b").plan.name == "b"


def test_a_name_in_two_namespaces_needs_its_namespace(stack, service):
    status = stack(service("a"), service("a", "prod"))
    assert find(status, "prod/a").plan.namespace == "prod"
    with pytest.raises(InputError, match=r"default/a or prod/a"):
        find(status, "a")


def test_a_name_that_is_not_there_is_answered_with_those_that_are(stack, service):
    with pytest.raises(InputError, match='"c" not found; project test has a, b'):
        find(stack(service("a"), service("b")), "c")


def test_without_a_name_the_only_service_is_meant(stack, service):
    assert only(stack(service("a")), None).plan.name == "a"
    with pytest.raises(InputError, match="say which"):
        only(stack(service("a"), service("b")), None)


def test_the_state_is_beside_the_settings_whatever_folder_below_one_stands_in(tmp_path, monkeypatch):
    (tmp_path / "isvc.yaml").write_text("")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert state_folder(Namespace(state_dir=None)) == tmp_path / ".isvc"


def test_a_state_folder_that_was_named_is_taken(tmp_path):
    assert state_folder(Namespace(state_dir=tmp_path)) == tmp_path
