import io
import time
from argparse import Namespace
from dataclasses import dataclass, field, replace

import pytest

from isvc.backends.stack import Applied, Change, LogLine, Phase, RouteState
from isvc.cli.console import Console
from isvc.cli.up import ascend
from isvc.errors import StackError, UnitFailed
from isvc.plan.units import Plan

OPTIONS = Namespace(ingress_port=0, no_wait=False, timeout=30.0)


@dataclass
class ScriptedBackend:
    """A backend whose status is, at each look, the next of a script, and then the last for ever."""

    script: list
    name: str = "scripted"
    description: str = "for tests"
    applied: Applied | None = None
    reverted: list = field(default_factory=list)

    def apply(self, plan, ingress_port):
        self.applied = Applied(tuple((f"default/{s.name}", Change.CREATED) for s in plan.services), 1, 8080)
        return self.applied

    def revert(self, applied):
        self.reverted.append(applied)

    def status(self):
        found = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(found, BaseException):
            raise found
        return found

    def logs(self, units, tail, follow):
        return iter([LogLine(0.0, "unit", f"the last line of {unit}") for unit in units])


@pytest.fixture
def console():
    return Console(io.StringIO(), io.StringIO())


@pytest.fixture
def starting(service):
    return service(phases=(Phase.COMPLETED, Phase.STARTING, Phase.WAITING), route=RouteState.ABSENT)


def up(backend, service, console, **options):
    ascend(backend, Plan((service.plan,)), console, Namespace(**{**vars(OPTIONS), **options}), time.monotonic())


def test_a_unit_that_fails_is_told_and_taken_back(service, stack, console, starting):
    broken = service(phases=(Phase.COMPLETED, Phase.FAILED, Phase.WAITING), last_lines=("why",))
    backend = ScriptedBackend([stack(starting), stack(broken)])
    with pytest.raises(UnitFailed, match="why"):
        up(backend, broken, console)
    assert backend.reverted == [backend.applied]


def test_each_milestone_is_told_once(service, stack, console, starting):
    broken = service(phases=(Phase.COMPLETED, Phase.FAILED, Phase.WAITING))
    with pytest.raises(UnitFailed):
        up(ScriptedBackend([stack(starting)] * 5 + [stack(broken)]), broken, console)
    assert console.out.getvalue().count("mnist-storage-initializer completed") == 1


def test_an_interrupt_takes_back_what_was_applied(stack, console, starting):
    backend = ScriptedBackend([stack(starting), KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):
        up(backend, starting, console)
    assert backend.reverted == [backend.applied]


def test_a_reader_that_has_gone_takes_nothing_back(stack, console, starting):
    backend = ScriptedBackend([BrokenPipeError()])
    with pytest.raises(BrokenPipeError):
        up(backend, starting, console)
    assert not backend.reverted


def test_the_wait_is_bounded_and_names_the_unit_with_its_last_lines(stack, console, starting):
    backend = ScriptedBackend([stack(starting)])
    with pytest.raises(UnitFailed, match=r"mnist-predictor: not ready after 0\.01 s") as failure:
        up(backend, starting, console, timeout=0.01)
    assert failure.value.last_lines == ("the last line of default/mnist/mnist-predictor",)
    assert backend.reverted


def test_a_supervisor_that_is_gone_ends_the_wait(stack, console, starting):
    backend = ScriptedBackend([replace(stack(starting), running=False)])
    with pytest.raises(StackError, match="has ended"):
        up(backend, starting, console)


def test_without_waiting_nothing_is_looked_at(stack, console, starting):
    backend = ScriptedBackend([AssertionError("looked at")])
    up(backend, starting, console, no_wait=True)
    assert "inferenceservice.serving.kserve.io/mnist created" in console.out.getvalue()
