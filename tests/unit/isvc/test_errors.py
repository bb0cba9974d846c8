from __future__ import annotations

import pytest

from isvc.errors import InputError, ManifestError, Place, PlanError, PortTaken, SettingsError, UnitFailed, WaitTimeout


@pytest.mark.parametrize("kind", [ManifestError, SettingsError, PlanError])
def test_an_error_in_the_input_begins_with_its_place(kind: type[InputError]) -> None:
    assert str(kind("is wrong; mend it", Place("a.yaml", 3, "spec.x"))) == "a.yaml:3: spec.x: is wrong; mend it"
    assert str(kind("is wrong", Place("a.yaml"))) == "a.yaml: is wrong"
    assert str(kind("is wrong")) == "is wrong"


def test_control_characters_of_the_input_do_not_reach_the_terminal() -> None:
    assert str(ManifestError('"\x1b[31m" is wrong')) == '"\\x1b[31m" is wrong'


def test_a_failed_unit_tells_its_last_lines() -> None:
    assert str(UnitFailed("a-predictor", "ended with 1", ["one", "two"])) == "a-predictor: ended with 1\n  one\n  two"


def test_a_taken_port_and_a_long_wait_tell_the_mend() -> None:
    assert "port 8080 is taken by nginx (pid 7)" in str(PortTaken(8080, "nginx (pid 7)"))
    assert "--ingress-port" in str(PortTaken(8080))
    assert str(WaitTimeout("the warm-up", 30)) == "the warm-up took longer than 30 s; --timeout S allows more"
