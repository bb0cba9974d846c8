"""Environments from lock files; these are empty, so that nothing is downloaded."""

from __future__ import annotations

import subprocess

import pytest

from benchmark import environments
from benchmark.environments import EnvironmentFailed


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_an_environment_is_made_once_and_said_so(tmp_path) -> None:
    lock, said = tmp_path / "empty.lock", []
    lock.write_text("# nothing\n")
    python = environments.ensure("empty", lock, said.append)
    assert subprocess.run([python, "-c", "print(1)"], check=True, capture_output=True).stdout == b"1\n"
    assert environments.ensure("empty", lock, said.append) == python
    assert len(said) == 1


def test_a_changed_lock_gets_another_environment(tmp_path) -> None:
    lock = tmp_path / "empty.lock"
    lock.write_text("# nothing\n")
    first = environments.ensure("empty", lock, lambda _line: None)
    lock.write_text("# still nothing\n")
    assert environments.ensure("empty", lock, lambda _line: None) != first


def test_a_lock_that_pip_cannot_install_is_an_error_and_tried_again(tmp_path) -> None:
    lock = tmp_path / "broken.lock"
    lock.write_text("not a requirement!\n")
    for _ in range(2):
        with pytest.raises(EnvironmentFailed, match="the environment of broken could not be made"):
            environments.ensure("broken", lock, lambda _line: None)
