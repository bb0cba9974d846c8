"""The `isvc` command: InferenceService YAML to a running stack on this machine.

This package is the composition root: it parses arguments, puts the parts together, and turns errors into exit codes:
0 done, 1 the stack failed, 2 bad input, 130 interrupted. A command, and what it needs, is imported when it is called.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence

from isvc.cli.console import Console
from isvc.cli.options import parser
from isvc.errors import InputError, IsvcError

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    console = Console(sys.stdout, sys.stderr)
    try:
        options = parser().parse_args(argv)
    except SystemExit as exc:  # argparse has said what is wrong, or has printed the help
        return exc.code if isinstance(exc.code, int) else BAD_INPUT
    if sys.platform == "win32":
        console.complain("isvc runs on Linux and macOS; on Windows, use it inside WSL 2")
        return BAD_INPUT
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return int(importlib.import_module(f"isvc.cli.{options.command}").run(options, console))
    except InputError as exc:
        console.complain(str(exc))
        return BAD_INPUT
    except IsvcError as exc:
        console.complain(str(exc))
        return FAILED
    except KeyboardInterrupt:
        console.complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone, as `head` does. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as exc:
        console.complain(f"{exc.filename or 'isvc'}: {exc.strerror or exc}")
        return FAILED
