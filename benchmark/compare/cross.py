"""The second engine: Locust's users on the same targets, as an independent witness of the first one's numbers."""

import json
import subprocess
import sys
from pathlib import Path

from benchmark.compare.arms import ArmName
from benchmark.compare.findings import CrossCheck, Findings
from benchmark.compare.ground import Ground, Lane
from benchmark.compare.stand import ROOT

USERS: dict[ArmName, str] = {"v1": "V1Rest", "v2-json": "V2RestJson", "v2-binary": "V2RestBinary", "grpc": "V2Grpc"}
MARGIN = 0.35
"""The engines' medians at one connection agree within this; Locust's own work is in its figure, ours is not in ours."""
_SLACK = 60.0


def check(ground: Ground, findings: Findings, seconds: float, scratch: Path, arm: ArmName, payload: Path) -> None:
    """One user of Locust for `seconds`, on the client's hop."""
    lane = next((lane for lane in ground.of("client") if lane.arm == arm), None)
    ours = findings.find(ground.predictor, "client", arm, 1)
    if lane is None or ours is None or not ours.blocks:
        return
    exact = scratch / f"locust-{arm}.json"
    try:
        done = subprocess.run(
            _command(lane, ground.model, seconds, exact, payload),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=seconds + _SLACK,
            check=False,
        )
        told = json.loads(exact.read_text(encoding="utf-8"))["requests"]
        (found,) = told.values()
    except (OSError, ValueError, KeyError, subprocess.TimeoutExpired) as exc:
        findings.notes.append(f"Locust gave no result for {arm}: {exc}")
        return
    if found["p50_ms"] is None:
        findings.notes.append(f"Locust made too few requests of {arm} for a median (exit code {done.returncode})")
        return
    median = sorted(block.median for block in ours.blocks)[len(ours.blocks) // 2]
    findings.cross.append(CrossCheck(arm, "locust", found["p50_ms"], median, found["requests"], found["failures"]))


def _command(lane: Lane, model: str, seconds: float, exact: Path, payload: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "locust", "-f", str(ROOT / "loadtest"), "--headless", "--only-summary"),
        *("-u", "1", "-r", "1", "-t", f"{max(1, round(seconds))}s", "--host", lane.target.url),
        *("--service-host", lane.target.host, "--model", model, "--input", str(payload)),
        *("--exact", str(exact), USERS[lane.arm]),  # type: ignore[index]  # lanes of arms only, no controls
    ]
