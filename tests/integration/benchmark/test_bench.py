"""The whole benchmark, as short as it goes and without downloads: modelapi and the floor over predictor-mock."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[3]
SECONDS = 120
SHORT = ["--mock", "--contenders", "modelapi", "floor", "--quick", "--rounds", "1"]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmark", *SHORT, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)


def test_cells_of_each_wire_give_a_table_and_a_file(tmp_path) -> None:
    done = bench("--only", "v1-grpc", "grpc-grpc", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "bench.json").read_text())
    assert [cell["name"] for cell in document["cells"]] == ["v1-grpc", "grpc-grpc"]
    for cell in document["cells"]:
        for samples in cell["samples"]:
            (sample,) = samples["rounds"]
            assert sample["requests"] > 0
            assert sample["errors"] == 0
            assert sample["server_cpu_ms"] > 0
    assert (tmp_path / "bench.md").read_text() in done.stdout
    assert {verdict["claim"].partition(":")[0] for verdict in document["verdicts"]} == {"req/s over floor"}


def test_a_soak_gives_a_curve_of_memory(tmp_path) -> None:
    done = bench("--only", "v1-v2", "--soak", "3", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    soak = json.loads((tmp_path / "bench.json").read_text())["soak"]
    assert soak["sample"]["errors"] == 0
    assert len(soak["rss"]) > 5
    assert "memory growth in 3 s at full load" in done.stdout


def test_an_interrupted_run_leaves_no_process(tmp_path) -> None:
    command = [sys.executable, "-u", "-m", "benchmark", *SHORT, "--seconds", "60", "--only", "v1-grpc"]
    with subprocess.Popen(
        [*command, "--out", str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        started = psutil.Process(process.pid)
        for line in process.stdout:
            if line.startswith("V1 in"):
                break
        children = started.children(recursive=True)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert "interrupted" in err
    assert children
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    assert not list(tmp_path.iterdir())
