"""`storage-init SRC DST [SRC DST ...]`: the command, its options, its exit codes.

Exit 0: every destination is complete. Exit 1: one is not; the last line on standard error says which, why, and what to
do. Exit 2: the command line cannot be understood.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from storage_init.address import parse
from storage_init.errors import Stopped, StorageError
from storage_init.initializer import Transfer, initialize
from storage_init.settings import Limits, Settings, waits

MODELS = "/mnt/models"
MORE = "STORAGE_ENVIRONMENT_FILE"
"""Names a JSON object of further variables."""

_EPILOG = """\
SRC   a path, file:///path, s3://, gs://, https://<account>.blob.core.windows.net/, hf://, oci://, https://....git or
      http(s)://; a folder's contents go directly under DST, a single file to DST/<its name>; a single archive (tar,
      tgz, tar.gz, tar.bz2, tar.xz, zip) is unpacked, a .mar is not. Credentials and endpoints come from the environment
DST   a folder, made if need be; it is filled whole or not at all
Without arguments, the address in STORAGE_URI goes to /mnt/models.
"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        environment = _environment(os.environ)
        pairs = _pairs(arguments.addresses, environment)
    except ValueError as exc:
        parser.error(str(exc))
    # httpx logs addresses whole; only our own lines are shown.
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="storage-init: %(message)s", force=True)
    os.umask(0o022)  # the server that reads the model is another user
    try:
        transfers = [Transfer(parse(source), Path(destination)) for source, destination in pairs]
        asyncio.run(_run(transfers, _settings(arguments, environment)))
    except StorageError as exc:
        print(f"storage-init: error: {' '.join(str(exc).split())}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    default = Settings()
    parser = argparse.ArgumentParser(
        prog="storage-init",
        description="Put models in place, whole or not at all.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("addresses", nargs="*", metavar="SRC DST", help="where from, where to; as often as needed")
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="where fetched objects are kept for other destinations (STORAGE_CACHE, else kept nowhere)",
    )
    for flag, value, text in (
        ("--timeout", default.timeout, "seconds for everything"),
        ("--connect-timeout", default.connect_timeout, "seconds for a connection"),
        ("--read-timeout", default.read_timeout, "seconds without a byte"),
        ("--stall-timeout", default.stall_timeout, f"seconds that have to bring {default.stall_bytes // 1024} KiB"),
    ):
        parser.add_argument(flag, type=_seconds, default=value, metavar="S", help=f"{text} (default: %(default)g)")
    limits = default.limits
    for flag, number, text in (
        ("--retries", len(default.backoff), "attempts after the first that a transfer gets"),
        ("--max-unpacked-bytes", limits.total_bytes, "bytes that an archive may unpack to"),
        ("--max-entries", limits.entries, "entries that an archive may have"),
        ("--max-ratio", limits.ratio, "unpacked bytes per byte of the archive, beyond the first GiB"),
    ):
        parser.add_argument(flag, type=_count, default=number, metavar="N", help=f"{text} (default: %(default)d)")
    return parser


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    """`given`, and over it what stands in the file that it names: there, `docker inspect` does not show it.

    Raises ValueError with a sentence for the user, in which nothing of the file is repeated.
    """
    file = given.get(MORE, "")
    if not file:
        return dict(given)
    try:
        more = json.loads(Path(file).read_bytes())
    except OSError as exc:
        raise ValueError(f"{MORE} names {file}, which cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise ValueError(f"{MORE} names {file}, which is no JSON") from exc
    if not isinstance(more, dict) or not all(isinstance(value, str) for value in more.values()):
        raise ValueError(f"{MORE} names {file}, which is no JSON object of strings")
    return {**given, **more}


def _settings(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Settings:
    cache = arguments.cache or (Path(environment["STORAGE_CACHE"]) if environment.get("STORAGE_CACHE") else None)
    return Settings(
        cache=cache.absolute() if cache else None,
        environment=dict(environment),
        timeout=arguments.timeout,
        connect_timeout=arguments.connect_timeout,
        read_timeout=arguments.read_timeout,
        stall_timeout=arguments.stall_timeout,
        backoff=waits(arguments.retries),
        limits=Limits(arguments.max_unpacked_bytes, arguments.max_entries, arguments.max_ratio),
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a time; give seconds above 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def _pairs(addresses: Sequence[str], environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """The sources with their destinations; raises ValueError with a sentence for the user."""
    if not addresses:
        source = environment.get("STORAGE_URI", "")
        if not source:
            raise ValueError("no source: give SRC DST, or set STORAGE_URI")
        return [(source, MODELS)]
    if len(addresses) % 2:
        raise ValueError(f"an odd number of addresses ({len(addresses)}): give SRC DST [SRC DST ...]")
    pairs = list(zip(addresses[::2], addresses[1::2], strict=True))
    for _, destination in pairs:
        if not destination or "://" in destination:
            raise ValueError(f"the destination '{destination}' is not a folder; the order is SRC DST")
    folders = [os.path.realpath(destination) for _, destination in pairs]
    twice = next((folder for folder in folders if folders.count(folder) > 1), None)
    if twice:
        raise ValueError(f"the destination '{twice}' is named twice; give each source a folder of its own")
    return pairs


async def _run(transfers: Sequence[Transfer], settings: Settings) -> None:
    """Carry out `transfers`; SIGTERM and SIGINT end them as a failure does, with everything partial removed."""
    task = asyncio.current_task()
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if task and not received:  # a second signal while cleaning up changes nothing
            received.append(number)
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(RuntimeError):  # not the main thread, as in a test: its owner handles signals
            asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        await initialize(transfers, settings, _say)
    except asyncio.CancelledError as exc:
        if not received:
            raise
        raise Stopped(f"Ended by {received[0].name} before everything was in place; nothing partial is left.") from exc


def _say(line: str) -> None:
    print(f"storage-init: {line}", file=sys.stderr, flush=True)
