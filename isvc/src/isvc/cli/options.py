"""The command line: commands and their options. Nothing is read and nothing is imported for a command here."""

from __future__ import annotations

import argparse
from pathlib import Path

PROTOCOLS = ("v1", "v2", "grpc-v2")
OUTPUTS = ("wide", "json", "yaml", "env", "name")


def parser() -> argparse.ArgumentParser:
    stack = argparse.ArgumentParser(add_help=False)
    stack.add_argument("--project", default="default", help="name of the stack; several run side by side (%(default)s)")
    stack.add_argument("--state-dir", type=Path, metavar="DIR", help="where stacks keep their state (.isvc)")
    root = argparse.ArgumentParser(prog="isvc", description="KServe InferenceServices on this machine.")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _up(commands.add_parser("up", parents=[stack], help="make InferenceServices run, and wait until they answer"))
    _down(commands.add_parser("down", parents=[stack], help="stop InferenceServices"))
    _get(commands.add_parser("get", parents=[stack], help="what runs, in KServe's columns"))
    _logs(commands.add_parser("logs", parents=[stack], help="what the units wrote"))
    _predict(commands.add_parser("predict", parents=[stack], help="one prediction through the ingress"))
    _serve(commands.add_parser("serve", parents=[stack], help="a Kubernetes API for kubectl and KServe's client"))
    _kubeconfig(commands.add_parser("kubeconfig", parents=[stack], help="the kubeconfig of that API"))
    _environment(commands.add_parser("environment", help="make the environment of a real server now"))
    _explain(commands.add_parser("explain", parents=[stack], help="what KServe would run, and what runs here"))
    _doctor(commands.add_parser("doctor", help="traps in a YAML, each with its mend"))
    _parity(commands.add_parser("parity", help="what of KServe is emulated here, and what is not"))
    _compare(commands.add_parser("compare", parents=[stack], help="REST against gRPC, measured, with a report"))
    return root


def _compare(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", nargs="?", metavar="NAME", help="a running service; without, servers of its own")
    command.add_argument("--quick", action="store_true", help="at most 90 seconds instead of about 10 minutes")
    command.add_argument("--target", metavar="URL", help="any ingress, with --service-host and --model")
    command.add_argument("--service-host", metavar="HOST", help="host name of the service at --target")
    command.add_argument("--model", metavar="MODEL", help="name of the model at --target")
    command.add_argument("-i", "--input", type=Path, metavar="FILE", help="a picture, or a V1 body with one")
    command.add_argument("--predictor", choices=("auto", "triton", "mock"), help="of the servers of its own (auto)")
    command.add_argument("--payload-sizes", metavar="SIZES", help="16B..4MB, or 1KB,64KB,1MB")
    command.add_argument("--check", action="store_true", help="exit 1 when a fairness check fails")
    command.add_argument("--out", type=Path, metavar="DIR", help="where the report goes (benchmark/results)")


def _explain(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="InferenceService YAML")
    command.add_argument("--settings", type=Path, metavar="FILE", help="settings (the nearest isvc.yaml)")
    command.add_argument(
        "--backend", choices=("process", "compose"), help="as what it would run (as it runs, else process)"
    )
    command.add_argument("-o", "--output", choices=("json",))


def _doctor(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="InferenceService YAML")
    command.add_argument("--settings", type=Path, metavar="FILE", help="settings (the nearest isvc.yaml)")
    command.add_argument("-o", "--output", choices=("json",))


def _parity(command: argparse.ArgumentParser) -> None:
    command.add_argument("-o", "--output", choices=("json", "markdown"))


def _up(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="InferenceService YAML")
    _how_it_runs(command)
    command.add_argument("--timeout", type=seconds, default=120.0, metavar="S", help="how long to wait (%(default)g)")
    command.add_argument("--no-wait", action="store_true", help="return as soon as the units are being started")


def _serve(command: argparse.ArgumentParser) -> None:
    _how_it_runs(command)
    command.add_argument("--port", type=port, metavar="N", help="port of the API (that of the last time, else any)")


def _kubeconfig(command: argparse.ArgumentParser) -> None:
    command.add_argument("--path", action="store_true", help="where it is, instead of what it says")


def _how_it_runs(command: argparse.ArgumentParser) -> None:
    command.add_argument("--backend", choices=("auto", "process", "compose"), default="auto")
    command.add_argument(
        "--ingress-port", type=port, metavar="N", help="port of the ingress, 0 for any free one (8080)"
    )
    command.add_argument("--settings", type=Path, metavar="FILE", help="settings (the nearest isvc.yaml)")
    command.add_argument(
        "--real",
        choices=("0", "1", "auto"),
        default="auto",
        help="predictors: 1 the real servers, 0 the light stand-in, auto Triton if it can run here (%(default)s)",
    )
    command.add_argument(
        "--storage",
        choices=("folder", "s3"),
        default="folder",
        help="how folders that isvc.yaml maps addresses to are fetched: copied, or from a SeaweedFS (%(default)s)",
    )


def _environment(command: argparse.ArgumentParser) -> None:
    command.add_argument("names", nargs="+", metavar="NAME", help="triton, triton-torch, torchserve")


def _down(command: argparse.ArgumentParser) -> None:
    command.add_argument("names", nargs="*", metavar="NAME", help="services; without, all of the project")
    command.add_argument("--all", action="store_true", help="every project of the state folder")
    command.add_argument("--volumes", action="store_true", help="remove models, logs and state of the project too")


def _get(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", nargs="?", metavar="NAME")
    command.add_argument("-o", "--output", choices=OUTPUTS)


def _logs(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", nargs="?", metavar="NAME", help="a service or a unit; without, all")
    command.add_argument("-f", "--follow", action="store_true", help="go on with what is added")
    command.add_argument("--tail", type=count, metavar="N", help="only the last N lines of each unit")
    command.add_argument("-c", "--component", metavar="COMPONENT", help="storage-initializer, predictor, transformer")


def _predict(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME")
    command.add_argument("-i", "--input", type=Path, metavar="FILE", help="request body (input.json beside the YAML)")
    command.add_argument("--protocol", choices=PROTOCOLS, default="v1")
    command.add_argument("--timeout", type=seconds, default=60.0, metavar="S", help="how long to wait (%(default)g)")


def port(text: str) -> int:
    number = count(text)
    if number > 65535:
        raise argparse.ArgumentTypeError(f"{number} is no port: 0 to 65535")
    return number


def count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds") from exc
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} s is no time to wait")
    return value
