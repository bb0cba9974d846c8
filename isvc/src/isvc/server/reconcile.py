"""Wanted documents -> what runs: the one way in which a stack comes to be. `isvc up` and the control plane call it.

A `Reconciler` has no state of its own: it is asked again whenever something changed or failed, and what already agrees
is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from isvc.backends.stack import Applied, Backend
from isvc.manifest import Document
from isvc.plan.units import Plan

Say = Callable[[str], None]


class Planner(Protocol):
    def __call__(self, documents: Sequence[Document], say: Say) -> Plan:
        """The plan of all InferenceServices in `documents`. Raises InputError, EnvironmentFailed."""
        ...


def nothing(documents: Sequence[Document], say: Say) -> Plan:
    """The planner of a command that only ends what runs."""
    return Plan(())


@dataclass(frozen=True, slots=True)
class Reconciler:
    backend: Backend
    planner: Planner

    def plan(self, documents: Sequence[Document], say: Say) -> Plan:
        return self.planner(documents, say)

    def agree(self, wanted: Plan, unwanted: Collection[str] = (), ingress_port: int | None = None) -> Applied | None:
        """Have `wanted` run, and then `unwanted`, keys of services, stopped. None where nothing is wanted anew.

        What is wanted and runs already is not touched. Returns once nothing of `unwanted` runs any more, which is
        bounded by the backend; `wanted` comes to be while the caller goes on. Raises StackError.
        """
        applied = self.backend.apply(wanted, ingress_port) if wanted.services else None
        if unwanted:
            self.backend.remove(unwanted)
        return applied
