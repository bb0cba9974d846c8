"""`python -m benchmark`: the Model API, the KServe SDK and the floors, measured side by side on this machine."""

import argparse
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from benchmark import environments, footprint, machine, payloads, report, results, rounds, soak, verdict, workers
from benchmark.cells import CELLS, CONTENDERS, Cell, takes_part
from benchmark.environments import EnvironmentFailed, Say
from benchmark.load.driver import LoadFailed, client
from benchmark.payloads import AnswersDiffer
from benchmark.predictors import start
from benchmark.processes import ServerFailed

HERE = Path(__file__).parent
BY_NAME = {cell.name: cell for cell in CELLS}
FULL = rounds.Run(rounds=5, seconds=3, connections=(1, 8))
QUICK = rounds.Run(rounds=3, seconds=1, connections=(8,))


def main(argv: Sequence[str] | None = None) -> int:
    """0 when it measured, 1 when it could not, or with --check when a target was missed; 130 when interrupted."""
    argv = sys.argv[1:] if argv is None else argv
    args = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        found = measure(args, shlex.join(["python", "-m", "benchmark", *argv]), _say)
    except (EnvironmentFailed, ServerFailed, LoadFailed, AnswersDiffer) as exc:
        print(f"bench: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; every process that it started has ended", file=sys.stderr)
        return 130
    verdicts = verdict.of(found)
    text = report.render(found, verdicts)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "bench.md").write_text(text, encoding="utf-8")
    (args.out / "bench.json").write_text(results.to_json(found, verdicts), encoding="utf-8")
    print(f"\n{text}\nwritten: {args.out / 'bench.md'} and {args.out / 'bench.json'}")
    return 1 if args.check and any(each.met is False for each in verdicts) else 0


def measure(args: argparse.Namespace, command: str, say: Say) -> results.Results:
    """Every part that was asked for."""
    cells = [BY_NAME[name] for name in args.only or BY_NAME]
    contenders = [each for each in CONTENDERS if each in args.contenders]
    against_kserve = any(each.startswith("kserve") for each in contenders)
    special = args.soak is not None or args.workers is not None
    weighs = args.footprint or not (args.only or special or not against_kserve)
    how = _how(args)
    with _setting(args.mock, cells, weighs or (against_kserve and not special), say) as setting:
        described = machine.describe(setting.kserve)
        measured = []
        if not special:
            for cell in cells:
                say(f"{cell.title} ({cell.name})")
                there = [each for each in contenders if takes_part(each, cell)]
                measured.append(rounds.measure_cell(cell, there, how, setting, say))
        return results.Results(
            machine=described,
            command=command,
            run=how,
            predictors={cell.hop: setting.predictor_of(cell.hop).kind for cell in cells},
            clients={cell.wire: client(cell.wire) for cell in cells},
            measured=measured,
            footprint=footprint.measure(how.rounds, setting, say) if weighs else {},
            workers=workers.run(cells[0], how, setting, say, args.workers) if args.workers else None,
            soak=soak.run(cells[0], args.soak, setting, say) if args.soak else None,
        )


@contextmanager
def _setting(mock: bool, cells: Sequence[Cell], against_kserve: bool, say: Say) -> Iterator[rounds.Setting]:
    """The environments and the predictors; all ends with the `with`."""
    kserve = environments.ensure("kserve", HERE / "kserve.lock", say) if against_kserve else None
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        predictor = stack.enter_context(start.real_or_mock(scratch, say, real=not mock))
        speaks_v1 = predictor
        if predictor.kind == start.REAL and any(cell.hop == "v1" for cell in cells):
            speaks_v1 = stack.enter_context(start.mock(scratch))
        yield rounds.Setting(kserve, predictor, speaks_v1, payloads.write(scratch, start.MODEL), scratch)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmark",
        description="modelapi, kserve and hand-written floors side by side: requests per second, CPU, memory, start.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help=f"a first look: {_told(QUICK)} instead of {_told(FULL)}")
    add("--rounds", type=_positive, help="rounds per cell")
    add("--seconds", type=_seconds, help="length of one load")
    add("--connections", type=_positive, nargs="+", help="one load for each number")
    add("--only", nargs="+", choices=BY_NAME, metavar="CELL", help=f"these cells alone: {' '.join(BY_NAME)}")
    add("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS, help="default: all")
    add("--footprint", action="store_true", help="time to ready, memory and import, also where --only leaves it out")
    add("--workers", type=_positive, metavar="N", help="instead: N workers over one, on the first cell")
    add("--soak", type=_seconds, metavar="SECONDS", help="instead: a long run at full load, on the first cell")
    add("--mock", action="store_true", help="use predictor-mock even where Triton can run")
    add("--out", type=Path, default=HERE / "results", help="folder of bench.md and bench.json (default: %(default)s)")
    add("--check", action="store_true", help="exit 1 when a target is missed")
    return parser


def _how(args: argparse.Namespace) -> rounds.Run:
    """The usual run, or the quick one, with what was said otherwise."""
    usual = QUICK if args.quick else FULL
    connections = tuple(args.connections or usual.connections)
    return rounds.Run(args.rounds or usual.rounds, args.seconds or usual.seconds, connections)


def _told(run: rounds.Run) -> str:
    return f"{run.rounds} rounds of {run.seconds:g} s with {' and '.join(map(str, run.connections))} connections"


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
