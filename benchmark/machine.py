"""Where a run was made: what anybody needs to judge its numbers."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import Distribution, version
from pathlib import Path
from typing import Any

import psutil

from benchmark.distributions import site_packages

OURS = ("modelapi", "aiohttp", "grpcio", "numpy", "orjson", "pillow", "protobuf", "tritonclient", "uvicorn", "uvloop")
THEIRS = ("kserve", "fastapi", "grpcio", "httpx", "numpy", "orjson", "pillow", "protobuf", "pydantic", "uvicorn")


def describe(kserve: Path | None) -> dict[str, Any]:
    """CPU, memory, system, load from elsewhere, and versions on both sides."""
    site = [str(site_packages(kserve))] if kserve else []
    theirs = {found.name.lower(): found.version for found in Distribution.discover(path=site)}
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": os.getloadavg(),
        "versions": {
            "modelapi's environment": {name: version(name) for name in OURS},
            "kserve's environment": {name: theirs[name] for name in THEIRS if name in theirs},
        },
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
