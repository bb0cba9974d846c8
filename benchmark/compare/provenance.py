"""Where and with what a run was made."""

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from benchmark.compare.plan import Loads, Plan

PACKAGES = ("modelapi", "grpcio", "gevent", "locust", "uvicorn", "aiohttp", "numpy", "onnxruntime", "httptools")


def describe(command: str, seed: int) -> dict[str, Any]:
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "seed": seed,
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "pinning": "none: clients and servers share the cores",
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "interpreter": Path(sys.executable).name,
    }


def durations(plan: Plan) -> str:
    """How long was measured, in words."""
    parts = [
        f"one connection {_loads(plan.single)}",
        f"{', '.join(map(str, plan.levels))} connections {_loads(plan.several)}",
        f"open loop at {', '.join(f'{share:.0%}' for share in plan.shares)} of capacity {_loads(plan.open)}",
        f"each payload size {_loads(plan.curve)}",
        *([f"the floor {_loads(plan.floor)}"] if plan.floor else []),
        f"other engines {plan.locust_seconds:g} s",
    ]
    return f"for each arm: {'; '.join(parts)}; {plan.processes} client processes"


def _loads(loads: Loads) -> str:
    return f"{loads.blocks} x {loads.seconds:g} s"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
