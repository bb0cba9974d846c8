"""Other engines on the same targets, as witnesses of ours: Locust's users and, where it is installed, wrk.

A client's own work per request is in its figure: at one connection it and the servers take turns. So the engines agree
where the difference of their medians is no more than what each of them spends, and MARGIN. Ours is measured right
before and right after the other, not minutes earlier.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmark.compare.arms import ArmName
from benchmark.compare.findings import CrossCheck, Findings
from benchmark.compare.ground import Ground, Lane
from benchmark.compare.load.crew import Crew, Load, Seen
from benchmark.compare.stand import ROOT

USERS: dict[ArmName, str] = {"v1": "V1Rest", "v2-json": "V2RestJson", "v2-binary": "V2RestBinary", "grpc": "V2Grpc"}
_SLACK = 60.0
_PIECES = 2
_WRK = {"us": 1e-3, "ms": 1.0, "s": 1000.0}
_MEDIAN = re.compile(r"^\s+50%\s+([0-9.]+)(us|ms|s)$", re.MULTILINE)
_REQUESTS = re.compile(r"(\d+) requests in")
_NOT_2XX = re.compile(r"Non-2xx or 3xx responses: (\d+)")


class NoResult(Exception):
    """An engine that gave nothing; the message says why."""


def with_locust(ground: Ground, crew: Crew, findings: Findings, seconds: float, scratch: Path, arm: ArmName) -> None:
    """One user of Locust for `seconds`, on the client's hop; its payload is in `scratch`."""
    lane = _lane(ground, arm)
    if lane is None:
        return
    before = _ours(crew, lane, seconds)
    try:
        found = _locust(lane, ground.model, seconds, scratch)
    except NoResult as exc:
        findings.notes.append(f"Locust gave no result for {arm}: {exc}")
        return
    own = found["client_cpu_ms"]
    told = (found["p50_ms"], found["requests"], found["failures"])
    _note(findings, arm, "Locust", [*before, *_ours(crew, lane, seconds)], told, own)


def with_wrk(ground: Ground, crew: Crew, findings: Findings, seconds: float, scratch: Path, arm: ArmName) -> None:
    """One connection of wrk, which is written in C: what it spends itself is next to nothing."""
    lane = _lane(ground, arm)
    program = shutil.which("wrk")
    if lane is None or program is None:
        findings.notes.append("wrk is not installed: no engine that is not Python was asked")
        return
    before = _ours(crew, lane, seconds)
    try:
        told = _wrk(program, lane, seconds, scratch)
    except NoResult as exc:
        findings.notes.append(f"wrk gave no result for {arm}: {exc}")
        return
    _note(findings, arm, "wrk", [*before, *_ours(crew, lane, seconds)], told, 0.0)


def _note(
    findings: Findings, arm: str, engine: str, ours: list[Seen], told: tuple[float, float, float], own: float
) -> None:
    medians = [float(np.median(seen.latencies)) * 1000 for seen in ours if not seen.errors]
    if medians:
        spent = sum(seen.client_cpu for seen in ours) / max(1, sum(len(seen.ended) for seen in ours)) * 1000
        median, requests, failures = told
        between = (min(medians), max(medians))
        findings.cross.append(CrossCheck(arm, engine, median, between, int(requests), int(failures), own, spent))


def _lane(ground: Ground, arm: ArmName) -> Lane | None:
    return next((lane for lane in ground.of("client") if lane.arm == arm), None)


def _ours(crew: Crew, lane: Lane, seconds: float) -> list[Seen]:
    return [crew.send(Load(lane.target, 1, seconds / (2 * _PIECES))) for _ in range(_PIECES)]


def _run(command: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Raises NoResult."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds + _SLACK, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise NoResult(str(exc)) from exc


def _locust(lane: Lane, model: str, seconds: float, scratch: Path) -> dict[str, float]:
    """Raises NoResult."""
    exact = scratch / f"locust-{lane.arm}.json"
    command = [
        *(sys.executable, "-m", "locust", "-f", str(ROOT / "loadtest"), "--headless", "--only-summary"),
        *("-u", "1", "-r", "1", "-t", f"{max(1, round(seconds))}s", "--host", lane.target.url),
        *("--service-host", lane.target.host, "--model", model, "--input", str(scratch / PAYLOAD)),
        *("--exact", str(exact), USERS[lane.arm]),  # type: ignore[index]  # lanes of arms only, no controls
    ]
    done = _run(command, seconds)
    try:
        told = json.loads(exact.read_text(encoding="utf-8"))
        found = next(iter(told["requests"].values()), {"p50_ms": None, "requests": 0})
        found["client_cpu_ms"] = told["client_cpu_ms"]
    except (OSError, ValueError, KeyError) as exc:
        raise NoResult(f"exit code {done.returncode}, {exc}: {done.stderr.strip()[-200:]}") from exc
    if found["p50_ms"] is None or found["client_cpu_ms"] is None:
        raise NoResult(f"{found['requests']} requests are too few for a median")
    return {name: float(value) for name, value in found.items() if value is not None}


PAYLOAD = "locust-input.json"
"""The picture as the V1 body that Locust's users make their requests of."""


def _wrk(program: str, lane: Lane, seconds: float, scratch: Path) -> tuple[float, int, int]:
    """Median in milliseconds, requests, failures. Raises NoResult."""
    script = scratch / f"wrk-{lane.arm}.lua"
    headers = {"Host": lane.target.host, **lane.target.headers}
    lines = [f'wrk.headers["{name}"] = {json.dumps(value)}' for name, value in headers.items()]
    body = f'wrk.body = assert(io.open({json.dumps(str(lane.target.body))}, "rb")):read("*a")'
    script.write_text("\n".join(['wrk.method = "POST"', body, *lines]) + "\n", encoding="utf-8")
    url = lane.target.url + lane.target.path
    length = max(1, round(seconds / 2))
    done = _run([program, "-t1", "-c1", f"-d{length}s", "--latency", "-s", str(script), url], length)
    median, requests = _MEDIAN.search(done.stdout), _REQUESTS.search(done.stdout)
    if median is None or requests is None:
        raise NoResult((done.stderr or done.stdout).strip()[-200:])
    bad = _NOT_2XX.search(done.stdout)
    return float(median[1]) * _WRK[median[2]], int(requests[1]), int(bad[1]) if bad else 0
