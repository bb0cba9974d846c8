"""Which predictors are the real servers and which the light stand-in: what was asked for, and what this machine can."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence

from isvc import environments, plan, runtimes
from isvc.errors import EnvironmentFailed
from isvc.manifest import Document
from isvc.plan.units import Plan
from isvc.settings import Settings

BY_DEFAULT = ("tritonserver",)
"""TorchServe costs hundreds of megabytes, so it has to be asked for."""

Say = Callable[[str], None]


def plan_with(documents: Sequence[Document], settings: Settings, real: str, backend: str, say: Say) -> Plan:
    """The plan for `real` (0, 1 or auto), the environments it needs made.

    Raises PlanError, and EnvironmentFailed where a real server was insisted on; by `auto` the stand-in takes its place,
    and the reason is said.
    """
    catalogue = runtimes.load()
    names = {"0": (), "1": tuple(catalogue.real.values()), "auto": BY_DEFAULT}[real]
    while True:
        wanted = plan.build(documents, settings, catalogue=catalogue.with_real(names))
        roles = dict.fromkeys(unit.role for service in wanted.services for unit in service.units if unit.role)
        failed = _make(roles, backend, say, insist=real == "1")
        if not failed:
            return wanted
        names = tuple(name for name in names if catalogue.programs[name].role not in failed)


def _make(roles: Sequence[str] | dict[str, None], backend: str, say: Say, *, insist: bool) -> set[str]:
    """Has the environments of `roles` made. Those that could not be; with `insist` the first of them is raised."""
    failed = set()
    for role in roles:
        try:
            if backend == "compose":
                _check_image(role)
            else:
                environments.ensure(environments.recipe(role), say, insist=insist)
        except EnvironmentFailed as exc:
            if insist:
                raise
            say(f"{exc}; --real 1 insists")
            failed.add(role)
    return failed


def _check_image(role: str) -> None:
    """Docker makes the image, of the same wheels; what they are not made for can be known before."""
    if role == "triton" and platform.machine() not in ("x86_64", "AMD64"):
        raise EnvironmentFailed(
            environments.recipe(role).title, f"PyPI has Triton for x86_64 only, and this is {platform.machine()}"
        )
