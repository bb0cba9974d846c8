"""storage-init beside `kserve-storage` 0.21, KServe's own downloader.

    python -m benchmark.storage [--rounds 5] [--quick] [--check] [--out DIR]

Both are processes as a pod would start them, from the same SeaweedFS on this machine, one after the other in every
round. What is timed is a whole process, from its start to its end. What each fetched is compared byte for byte, outside
of the time. storage-init runs without its cache, but for the second start, which is what the cache is for.
"""

import argparse
import contextlib
import filecmp
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmark import machine
from benchmark.environments import ensure
from benchmark.summary import Spread, paired, spread

ROOT = Path(__file__).resolve().parents[1]
BUCKET = "models"
PATIENCE = 300.0
"""Seconds that a single download may take."""
TARGETS = {"one": 1.3, "many": 4.0}
SECOND_START = 1.0
KSERVE = "import sys; from kserve_storage import Storage; Storage.download(sys.argv[1], sys.argv[2])"


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    files: int
    size: int


CASES = (Case("one", "1 x 300 MB", 1, 300_000_000), Case("many", "2,000 x 50 kB", 2_000, 50_000))
QUICK = (Case("one", "1 x 30 MB", 1, 30_000_000), Case("many", "200 x 50 kB", 200, 50_000))


@dataclass
class Times:
    """Seconds, a value for each round."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    cached: list[float] = field(default_factory=list)


class Failed(Exception):
    """Said to the user; exit code 1."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmark.storage", description="storage-init beside kserve-storage 0.21.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tenth of the bytes, to see that it runs")
    parser.add_argument("--out", type=Path, help="folder for storage.md and storage.json")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a target is not met")
    options = parser.parse_args(argv)
    cases = QUICK if options.quick else CASES
    try:
        with tempfile.TemporaryDirectory(prefix="benchmark-storage-") as work:
            measured = measure(cases, options.rounds, Path(work))
    except Failed as exc:
        _say(str(exc))
        return 1
    text, met = report(cases, measured)
    print(text)  # noqa: T201 - the result
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "storage.md").write_text(text + "\n")
        values = {name: asdict(times) for name, times in measured.items()}
        facts = {"machine": machine.describe(None), "seconds": values}
        (options.out / "storage.json").write_text(json.dumps(facts, indent=1) + "\n")
    return 1 if options.check and not met else 0


def measure(cases: Sequence[Case], rounds: int, work: Path) -> dict[str, Times]:
    theirs = ensure("kserve-storage", ROOT / "benchmark" / "kserve-storage.lock", _say)
    weed = ensure("seaweedfs", ROOT / "seaweedfs" / "requirements.lock", _say)
    bucket = work / "bucket"
    for case in cases:
        _say(f"making {case.title}")
        _write(bucket / case.name, case)
    measured = {case.name: Times() for case in cases}
    with _serving(weed, bucket, work) as environment:
        for case in cases:
            contest = _Contest(case, bucket, work, environment, theirs)
            contest.prime()
            for number in range(rounds):
                contest.run(measured[case.name], ours_first=number % 2 == 0)
                _say(f"{case.title}: round {number + 1} of {rounds}")
            contest.clean_up()
    return measured


@dataclass
class _Contest:
    case: Case
    bucket: Path
    work: Path
    environment: Mapping[str, str]
    kserve: Path

    def prime(self) -> None:
        """Once each, not timed: the store's files are in the page cache for both, and ours in its own cache."""
        self._theirs()
        self._ours(self._cache())

    def run(self, times: Times, *, ours_first: bool) -> None:
        steps: list[Callable[[], None]] = [
            lambda: times.ours.append(self._ours()),
            lambda: times.theirs.append(self._theirs()),
        ]
        for step in steps if ours_first else reversed(steps):
            step()
        times.cached.append(self._ours(self._cache()))

    def _cache(self) -> list[str]:
        return ["--cache", str(self.work / f"cache-{self.case.name}")]

    def _ours(self, options: Sequence[str] = ()) -> float:
        return self._timed([sys.executable, "-m", "storage_init", *options])

    def _theirs(self) -> float:
        return self._timed([str(self.kserve), "-c", KSERVE])

    def _timed(self, command: Sequence[str]) -> float:
        target = Path(tempfile.mkdtemp(prefix="target-", dir=self.work)) / "model"
        started = time.monotonic()
        done = subprocess.run(
            [*command, f"s3://{BUCKET}/{self.case.name}/", str(target)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        seconds = time.monotonic() - started
        if done.returncode:
            raise Failed(f"{' '.join(command)} failed: {done.stderr.strip().splitlines()[-1:]}")
        self._compare(target)
        if self.case.files == 1:
            shutil.rmtree(target.parent)
        return seconds

    def clean_up(self) -> None:
        """Many files are removed when all rounds are over: ext4 is slow to make new ones in the wake of a removal."""
        for target in self.work.glob("target-*"):
            shutil.rmtree(target)

    def _compare(self, target: Path) -> None:
        source = self.bucket / self.case.name
        names = [str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()]
        filecmp.clear_cache()  # it tells files by size and time, which do not change from round to round
        _, different, missing = filecmp.cmpfiles(source, target, names, shallow=False)
        if different or missing:
            raise Failed(f"{len(different)} files differ and {len(missing)} are missing in {target}")


def report(cases: Sequence[Case], measured: Mapping[str, Times]) -> tuple[str, bool]:
    """The table in Markdown, and whether all targets are met."""
    lines = [
        "| from SeaweedFS, whole process | kserve-storage 0.21 | storage-init | faster, by round | second start |",
        "| --- | --- | --- | --- | --- |",
    ]
    met = True
    for case in cases:
        times = measured[case.name]
        ratio, cached = paired(times.theirs, times.ours), spread(times.cached)
        gain = f"{ratio.median:.1f}x ({ratio.low:.1f}-{ratio.high:.1f}; target {TARGETS[case.name]}x)"
        cells = (case.title, _seconds(spread(times.theirs)), _seconds(spread(times.ours)), gain, _seconds(cached))
        lines.append(f"| {' | '.join(cells)} |")
        met = met and ratio.median >= TARGETS[case.name] and cached.median < SECOND_START
    lines += ["", f"Medians (lowest-highest) of {len(times.ours)} rounds. Targets {'met' if met else 'NOT met'}."]
    return "\n".join(lines), met


def _seconds(value: Spread) -> str:
    return f"{value.median:.2f} s ({value.low:.2f}-{value.high:.2f})"


def _write(folder: Path, case: Case) -> None:
    for index in range(case.files):
        file = folder / str(index % 20) / f"{index}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(case.size))


@contextlib.contextmanager
def _serving(python: Path, bucket: Path, work: Path) -> Iterator[dict[str, str]]:
    """The environment in which S3 is the SeaweedFS that has what is in `bucket`."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    command = [str(python), str(ROOT / "seaweedfs" / "serve.py"), "--bucket", BUCKET, "--from", str(bucket)]
    _say("filling the bucket")
    with (work / "seaweedfs.log").open("wb") as log:
        server = subprocess.Popen([*command, "--s3_port", str(port)], stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/", server, work / "seaweedfs.log")
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        yield {
            **kept,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_DEFAULT_REGION": "us-east-1",
            "awsAnonymousCredential": "true",
        }
    finally:
        server.terminate()
        server.wait()


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - of this machine
            return
        time.sleep(0.1)
    raise Failed(f"SeaweedFS does not serve: {log.read_text()}")


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)  # noqa: T201 - progress


if __name__ == "__main__":
    sys.exit(main())
