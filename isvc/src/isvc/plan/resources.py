"""What a container may use: Kubernetes' quantities, and what of them has an effect here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from isvc.errors import Place, PlanError
from isvc.manifest.containers import Resources

_QUANTITY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(?:e(\d{1,2}))?(m|k|Ki|[MGTPE]i?)?")
_FACTORS = {"": Decimal(1), "m": Decimal("0.001"), "k": Decimal(1000), "Ki": Decimal(1024)}
_FACTORS |= {letter: Decimal(1000) ** power for power, letter in enumerate("MGTPE", start=2)}
_FACTORS |= {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("MGTPE", start=2)}


def memory_limit(resources: Resources | None, place: Place) -> int | None:
    """`limits.memory` in bytes. Raises PlanError with `place`."""
    written = (resources.limits or {}).get("memory") if resources else None
    if written is None:
        return None
    match = _QUANTITY.fullmatch(str(written))
    if match is None:
        raise PlanError(f"{written} is no amount of memory; write it like 512Mi or 2Gi", place)
    number, exponent, unit = match.groups(default="")
    return int(Decimal(number) * Decimal(10) ** int(exponent or 0) * _FACTORS[unit])


def ignored_resources(resources: Resources | None, path: str) -> Iterator[str]:
    if resources is None:
        return
    asked = {*(resources.requests or {}), *(resources.limits or {})}
    if any(name.endswith("/gpu") for name in asked):
        yield f"{path} is ignored: there is no GPU for it"
    elif asked - {"memory"}:
        yield f"{path} is ignored except for limits.memory"
