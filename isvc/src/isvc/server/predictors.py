"""Which predictors are the real servers and which the light stand-in: what was asked for, and what this machine can."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from isvc import environments, plan, runtimes
from isvc.backends.compose import TRITON_IMAGE
from isvc.errors import EnvironmentFailed
from isvc.manifest import Document
from isvc.plan.bucket import in_buckets
from isvc.plan.units import Plan
from isvc.server.reconcile import Planner, Say
from isvc.settings import Settings

BY_DEFAULT = ("tritonserver",)
"""TorchServe costs hundreds of megabytes, so it has to be asked for."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What of the stack is real, as the command line says."""

    real: str
    """The predictors: 0, 1 or auto."""
    storage: str
    """How mapped folders are fetched: `folder` or `s3`."""
    backend: str


def planner(settings: Settings, choice: Choice) -> Planner:
    """`plan_with` for those who know neither settings nor choice."""
    return lambda documents, say: plan_with(documents, settings, choice, say)


def plan_with(documents: Sequence[Document], settings: Settings, choice: Choice, say: Say) -> Plan:
    """The plan for `choice`, the environments it needs made.

    Raises PlanError, and EnvironmentFailed where a real server was insisted on; by `auto` the stand-in takes its place,
    and the reason is said.
    """
    catalogue = runtimes.load()
    names = {"0": (), "1": tuple(catalogue.real.values()), "auto": BY_DEFAULT}[choice.real]
    while True:
        wanted = plan.build(documents, settings, catalogue=catalogue.with_real(names))
        if choice.storage == "s3":
            wanted = in_buckets(wanted, settings)
        roles = dict.fromkeys(unit.role for service in wanted.services for unit in service.units if unit.role)
        optional = {catalogue.programs[name].role for name in names} if choice.real != "1" else set()
        failed = _make(roles, choice.backend, say, optional)
        if not failed:
            return wanted
        names = tuple(name for name in names if catalogue.programs[name].role not in failed)


def _make(roles: Sequence[str] | dict[str, None], backend: str, say: Say, optional: Collection[str]) -> set[str]:
    """Has the environments of `roles` made. Those that could not be, of the `optional`; any other is raised."""
    failed = set()
    for role in roles:
        try:
            if backend == "compose":
                _prepare_image(role, say)
            else:
                environments.ensure(environments.recipe(role), say, insist=role not in optional)
        except EnvironmentFailed as exc:
            if role not in optional:  # nothing stands in for it
                raise
            say(f"{exc}; --real 1 insists")
            failed.add(role)
    return failed


def _prepare_image(role: str, say: Say) -> None:
    """Docker makes the image, of the same wheels: what they are not made for, and what it cannot fetch, is seen to."""
    recipe = environments.recipe(role)
    if role == "triton" and os.environ.get(TRITON_IMAGE):
        say(f"  {TRITON_IMAGE}: {os.environ[TRITON_IMAGE]} (in the place of {recipe.title})")
        return
    if role == "triton" and platform.machine() not in ("x86_64", "AMD64"):
        raise EnvironmentFailed(
            recipe.title,
            f"PyPI has Triton for x86_64 only, and this is {platform.machine()}; the official image runs with "
            f"{TRITON_IMAGE}=nvcr.io/nvidia/tritonserver:<version>-py3 (some 15 GB)",
        )
    if recipe.torch:
        environments.fetch_torch(recipe, say)
