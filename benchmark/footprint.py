"""How light a transformer is before its first request: time to import, time to ready, memory, distributions."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.cells import CELLS, Contender
from benchmark.distributions import brought_by, site_packages
from benchmark.environments import Say
from benchmark.rounds import Setting, contending, turned

# What a transformer's file imports; in both SDKs these names are reached as `sdk.Name`.
IMPORTS = "Model, ModelServer, InferInput, InferRequest, InferResponse, model_server"
IMPORT_SECONDS = 60.0
SDKS: tuple[Contender, ...] = ("modelapi", "kserve")


@dataclass(frozen=True)
class Footprint:
    """One SDK's, a value per round; `distributions` is what `pip install` of it brings, itself included."""

    import_seconds: list[float]
    ready_seconds: list[float]
    ready_rss: list[int]
    distributions: int


def measure(rounds: int, setting: Setting, say: Say) -> dict[Contender, Footprint]:
    """Each SDK's transformer of the first cell is started `rounds` times, in turns, on a warm file cache."""
    if setting.kserve is None:
        return {}
    pythons: dict[Contender, Path] = {"modelapi": Path(sys.executable), "kserve": setting.kserve}
    sizes = {sdk: len(brought_by(sdk, site_packages(python))) for sdk, python in pythons.items()}
    found = {sdk: Footprint([], [], [], sizes[sdk]) for sdk in SDKS}
    for number in range(-1, rounds):
        for sdk in turned(SDKS, max(0, number)):
            seconds = _import_seconds(pythons[sdk], sdk)
            with contending(sdk, CELLS[0], setting) as up:
                if number >= 0:  # the first one reads the files from the disk
                    found[sdk].import_seconds.append(seconds)
                    found[sdk].ready_seconds.append(up.ready_seconds)
                    found[sdk].ready_rss.append(up.ready_rss)
    for sdk in SDKS:
        say(f"  {sdk}: ready after {_list(found[sdk].ready_seconds)} s, {found[sdk].distributions} distributions")
    return found


def _import_seconds(python: Path, sdk: str) -> float:
    code = f"import time; t = time.perf_counter(); from {sdk} import {IMPORTS}; print(time.perf_counter() - t)"
    command = [str(python), "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_SECONDS, check=True, cwd="/")
    return float(done.stdout)


def _list(values: Sequence[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)
