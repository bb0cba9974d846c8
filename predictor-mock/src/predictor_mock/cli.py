"""`predictor-mock`: arguments, logging, and the server. The composition root: nothing else here prints or exits."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from modelapi import ModelServer, model_server
from modelapi.errors import InvalidInput
from modelapi.model import BaseKServeModel
from predictor_mock import admin, layouts
from predictor_mock.errors import ModelDirError
from predictor_mock.faults import Faults, FaultSettings
from predictor_mock.model import MockModel
from predictor_mock.served import open_source
from predictor_mock.sources import ArchiveSource, Source

LOG_FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"


def main(argv: list[str] | None = None) -> int:
    """Serves until it is told to stop. 1 when there is nothing to serve, 2 for arguments that make no sense."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        settings = FaultSettings(args.latency_ms, args.jitter_ms, args.error_rate, args.error_status, args.seed)
    except InvalidInput as exc:
        parser.error(f"--{exc}")
    if not args.startup_seconds >= 0:
        parser.error(f"--startup_seconds must be 0 or more, got {args.startup_seconds}")
    if args.workers != 1:
        parser.error("--workers must be 1: its faults are changed while it runs, which one process can keep track of")
    faults = Faults(settings)
    server = ModelServer(extra_routes=admin.routes(faults), argv=argv)
    _log()
    with ExitStack() as stack:
        try:
            sources = layouts.find(args.model_dir, args.model_name)
            scratch = _scratch(sources, stack)
            models = [_model(source, scratch, faults, args) for source in sources]
        except ModelDirError as exc:
            print(f"predictor-mock: {exc}", file=sys.stderr)
            return 1
        server.start(models)
    return 0


def _scratch(sources: Sequence[Source], stack: ExitStack) -> Path:
    """A folder to unpack archives in, gone when the server ends; other layouts are served from where they are."""
    if not any(isinstance(source, ArchiveSource) for source in sources):
        return Path()
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="predictor-mock-")))


def _model(source: Source, scratch: Path, faults: Faults, args: argparse.Namespace) -> BaseKServeModel:
    served = open_source(source, scratch, seed=args.seed)
    logging.getLogger(__name__).info("serving model %s from %s", served.name, args.model_dir)
    return MockModel(served, faults, startup_seconds=args.startup_seconds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="predictor-mock",
        description="A light predictor that serves what it finds, and can be slow or failing on request.",
        parents=[model_server.parser],
        allow_abbrev=False,
    )
    ours = parser.add_argument_group("predictor-mock")
    ours.add_argument(
        "--model_dir", type=Path, default=Path("/mnt/models"), help="where the models are (default: %(default)s)"
    )
    ours.add_argument("--latency_ms", type=float, default=0, help="how much later each inference is answered")
    ours.add_argument("--jitter_ms", type=float, default=0, help="up to how much more or less than --latency_ms")
    ours.add_argument("--error_rate", type=float, default=0, help="the share of inferences that fail, 0 to 1")
    ours.add_argument("--error_status", type=int, default=503, help="what they fail with: 500, 503 or 504")
    ours.add_argument("--startup_seconds", type=float, default=0, help="how long the models stay not ready")
    ours.add_argument(
        "--seed", type=int, default=0, help="of the faults, and of answers where there is no model to run"
    )
    return parser


def _log() -> None:
    """What this package logs goes to stderr, unless --log_config_file says where."""
    logger = logging.getLogger("predictor_mock")
    if logger.hasHandlers():
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


if __name__ == "__main__":
    sys.exit(main())
