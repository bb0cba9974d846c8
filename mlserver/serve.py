#!/usr/bin/env python3
"""Runs MLServer as the image of KServe's runtime does: `mlserver start` on the models, settings by MLSERVER_ variables.

    python serve.py [mlserver] MODELS [--host ADDRESS]

This process becomes MLServer: signals reach it directly, and there is no parent to outlive. Standard library only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

DEFAULTS = {
    "MLSERVER_HOST": "127.0.0.1",
    "MLSERVER_PARALLEL_WORKERS": "0",
    "MLSERVER_METRICS_RPC_PORT": "0",
}
"""Unless they are set: one process, as one model needs no more, and nothing beyond loopback."""


def main(argv: Sequence[str]) -> NoReturn:
    words = list(argv[1:] if argv[:1] == ["mlserver"] else argv)
    host = words.pop() if words[-2:-1] == ["--host"] else DEFAULTS["MLSERVER_HOST"]
    models = [word for word in words if word != "--host"]
    if len(models) != 1:
        sys.exit("usage: serve.py [mlserver] MODELS [--host ADDRESS]")
    program = Path(sys.prefix) / "bin" / "mlserver"
    os.chdir(models[0])
    variables = {**DEFAULTS, "MLSERVER_HOST": host, **os.environ}
    os.execve(program, [str(program), "start", models[0]], variables)  # noqa: S606  # no shell


if __name__ == "__main__":
    main(sys.argv[1:])
