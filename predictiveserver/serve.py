#!/usr/bin/env python3
"""Serves scikit-learn, XGBoost and LightGBM models as KServe's own servers do, on the Model API.

    python serve.py [sklearnserver|...] --framework sklearn|xgboost|lightgbm --model_dir DIR --model_name NAME [...]

V1 and V2, REST and gRPC. The Model API is taken from the checkout where it is not installed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), *(str(path) for path in [_HERE.parent / "modelapi/src"] if path.is_dir())]

from estimators import FRAMEWORKS, CannotLoad, load  # noqa: E402  # beside this file, which is run by its path
from predictive_model import PredictiveModel  # noqa: E402

from modelapi import ModelServer, model_server  # noqa: E402


def main(argv: Sequence[str]) -> int:
    """Serves until it is told to stop. 1 when there is no model to serve."""
    argv = argv[1:] if argv and not argv[0].startswith("-") else argv  # the name by which a container calls it
    args = parser().parse_args(argv)
    try:
        estimator = load(args.framework, args.model_dir, threads=args.nthread)
    except CannotLoad as exc:
        print(f"predictiveserver: {exc}", file=sys.stderr)  # noqa: T201  # the composition root
        return 1
    ModelServer(argv=list(argv)).start([PredictiveModel(args.model_name, estimator)])
    return 0


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="predictiveserver", parents=[model_server.parser], allow_abbrev=False)
    found.add_argument("--model_dir", type=Path, default=Path("/mnt/models"), help="where the model is (%(default)s)")
    found.add_argument("--nthread", type=int, default=1, help="threads of one prediction (%(default)s)")
    found.add_argument("--framework", choices=FRAMEWORKS, default="sklearn", help="what the model is of (%(default)s)")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
