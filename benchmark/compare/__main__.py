"""`python -m benchmark.compare`: REST against gRPC on both hops, and a report that says what can be said.

Exit codes: 0 measured; 1 it could not measure, or with --check a fairness check failed; 2 bad input, such as a --target
where nothing answers; 130 interrupted, with a partial report of what there was.
"""

import argparse
import base64
import binascii
import json
import shlex
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from benchmark.compare import plan as plans
from benchmark.compare import provenance, stand
from benchmark.compare.account import account
from benchmark.compare.findings import Findings
from benchmark.compare.ground import PICTURE
from benchmark.compare.load.crew import CrewFailed
from benchmark.compare.plan import Plan, PlanError
from benchmark.compare.progress import Progress
from benchmark.compare.report import files, plain
from benchmark.compare.run import Asked, NothingThere, measure, planned
from benchmark.environments import EnvironmentFailed
from benchmark.processes import ServerFailed

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
HERE = Path(__file__).parent


class BadInput(Exception):
    """What was asked for makes no sense; the message says what to write instead."""


def main(argv: Sequence[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    args = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        plan, asked = _plan(args), _asked(args)
    except (BadInput, PlanError) as exc:
        print(f"compare: {exc}", file=sys.stderr)
        return BAD_INPUT
    about = provenance.describe(shlex.join(["python", "-m", "benchmark.compare", *argv]), plan.seed)
    findings = Findings(about={**about, "plan": plan.name, "durations": provenance.durations(plan), **_scope(asked)})
    code = _measure(plan, asked, findings)
    if not findings.series and code != DONE:
        return code
    document = account(findings)
    files.write_raw(findings, args.out)
    page = files.write(document, args.out)
    print(f"\n{plain.terminal(document)}\n\nreport: {page} (and .json, .csv, .md; every request in {files.RAW})")
    failed = [check for check in document["fairness"] if check["passed"] is False]
    return FAILED if code == DONE and args.check and failed else code


def _measure(plan: Plan, asked: Asked, findings: Findings) -> int:
    """What was measured is in `findings`, whatever the exit code."""
    progress = Progress(sys.stdout, planned(plan, asked))
    with tempfile.TemporaryDirectory(prefix="compare-") as scratch:
        try:
            measure(plan, asked, findings, Path(scratch), progress)
        except NothingThere as exc:
            print(f"compare: no arm gives an answer: {exc}{_advice(asked)}", file=sys.stderr)
            return BAD_INPUT
        except (ServerFailed, EnvironmentFailed, CrewFailed) as exc:
            findings.stopped = f"it ended early: {exc}"
            print(f"compare: {exc}", file=sys.stderr)
            return FAILED
        except KeyboardInterrupt:
            findings.stopped = "interrupted; this is what was measured until then"
            print("\ncompare: interrupted", file=sys.stderr)
            return INTERRUPTED
        finally:
            progress.end()
    return DONE


def _advice(asked: Asked) -> str:
    if asked.target is None:
        return ""
    return (
        f"\n  asked: {asked.target}, host {asked.host or '(its own)'}, model {asked.model}; `isvc get` says what runs"
    )


def _plan(args: argparse.Namespace) -> Plan:
    plan = plans.QUICK if args.quick else plans.FULL
    if args.payload_sizes:
        plan = replace(plan, sizes=plans.parse_sizes(args.payload_sizes))
    return replace(plan, processes=args.processes or plan.processes, seed=args.seed or plan.seed)


def _asked(args: argparse.Namespace) -> Asked:
    """Raises BadInput."""
    if args.target is None:
        if args.model or args.service_host:
            raise BadInput("--model and --service-host belong to a --target; without one, the sample model is served")
        return Asked(_predictors(args), None, "", stand.MODEL, _picture(args.input), not args.no_locust)
    parts = urlsplit(args.target if "://" in args.target else f"http://{args.target}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"--target {args.target}: write an address such as http://127.0.0.1:8080")
    if not args.model:
        raise BadInput("--target needs --model, the model's name in the path")
    host = args.service_host or ""
    return Asked((), parts.geturl(), host, args.model, _picture(args.input), not args.no_locust)


def _predictors(args: argparse.Namespace) -> tuple[str, ...]:
    """The real one and the mock as its floor; the mock alone where Triton cannot run, or for a quick look."""
    wanted = args.predictor or ("mock" if args.quick else "auto")
    if wanted == "mock":
        return (stand.MOCK,)
    reason = stand.supported(stand.TRITON, print)
    if reason is None:
        return (stand.TRITON, stand.MOCK)
    if wanted == "triton":
        raise BadInput(f"--predictor triton: {reason}")
    print(f"the predictor is predictor-mock: {reason}")
    return (stand.MOCK,)


def _picture(file: Path | None) -> bytes:
    """A picture's file, or the first picture of a V1 body. Raises BadInput."""
    if file is None:
        return PICTURE.read_bytes()
    try:
        content = file.read_bytes()
    except OSError as exc:
        raise BadInput(f"--input {file}: {exc.strerror}") from exc
    if file.suffix != ".json":
        return content
    try:
        return base64.b64decode(json.loads(content)["instances"][0]["image"]["b64"], validate=True)
    except (ValueError, KeyError, IndexError, TypeError, binascii.Error) as exc:
        raise BadInput(f"--input {file}: no instances[0].image.b64 with base64 in it") from exc


def _scope(asked: Asked) -> dict[str, str]:
    payload = f"a picture of {len(asked.picture)} B"
    where = asked.target or f"servers of its own: {', then '.join(asked.predictors)}"
    tensor = "" if asked.target else ", 3x32x32 FP32 on the transformer's hop"
    return {"what": f"Model {asked.model} at {where}.", "payload": payload + tensor}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmark.compare", description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="at most 90 seconds instead of about 10 minutes")
    add(
        "--target",
        metavar="URL",
        help="an ingress or server that runs, instead of own ones; client's hop only",
    )
    add("--service-host", metavar="HOST", help="host name of the InferenceService at --target: Host and :authority")
    add("--model", metavar="NAME", help="name of the model at --target")
    add("--input", type=Path, metavar="FILE", help="a picture, or a V1 body with one (the sample picture)")
    add("--predictor", choices=("auto", "triton", "mock"), help="auto: Triton, then the mock as the floor")
    add("--payload-sizes", metavar="SIZES", help="of the curve: 16B..4MB, or 1KB,64KB,1MB")
    add("--processes", type=_positive, metavar="N", help="client processes (2)")
    add("--seed", type=_positive, metavar="N", help="of order and arrivals")
    add("--no-locust", action="store_true", help="leave the second engine out")
    add("--check", action="store_true", help="exit 1 when a fairness check fails")
    add("--out", type=Path, default=HERE.parent / "results", metavar="DIR", help="where the report goes (%(default)s)")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 or more")
    return int(text)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
