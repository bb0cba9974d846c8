"""KServe's command-line flags and the settings they make; and the `modelapi` command. Nothing is read at import."""

import argparse
import os
import runpy
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from modelapi import as_kserve
from modelapi.config import DEFAULT_MESSAGE_BYTES, PredictorConfig, ServerConfig

PROTOCOLS = ("v1", "v2", "grpc-v2")


class Default(str):
    """A default that knows that nobody gave it."""

    __slots__ = ()


def strtobool(text: str) -> bool:
    """What KServe takes as a truth value on the command line."""
    match text.strip().lower():
        case "y" | "yes" | "t" | "true" | "on" | "1":
            return True
        case "n" | "no" | "f" | "false" | "off" | "0":
            return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false.")


def build_parser() -> argparse.ArgumentParser:
    """The flags of a server, for `argparse.ArgumentParser(parents=[...])`."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    _add_server_flags(parser.add_argument_group("server"))
    _add_tls_flags(parser.add_argument_group("TLS"))
    _add_model_flags(parser.add_argument_group("model and predictor"))
    _add_logging_flags(parser.add_argument_group("logging"))
    return parser


def _add_server_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--host", default="127.0.0.1", help="The address to listen on; 0.0.0.0 in a container.")
    add("--http_port", default=8080, type=int, help="The HTTP port; 0 for a free one.")
    add("--grpc_port", default=8081, type=int, help="The gRPC port; 0 for a free one.")
    add("--workers", default=1, type=int, help="How many processes serve, all of them on the same ports.")
    add("--max_threads", default=4, type=int, help="Accepted and without effect, as in KServe: gRPC needs no threads.")
    add("--max_asyncio_workers", default=None, type=int, help="Threads for asyncio.to_thread.")
    add("--enable_grpc", default=True, type=strtobool, help="Serve gRPC.")
    add("--enable_docs_url", default=False, type=strtobool, help="Serve the API's documentation at /docs.")
    add("--event-loop", default="auto", choices=("auto", "asyncio", "uvloop"), help="The event loop.")
    add("--timeout-keep-alive", default=65, type=int, help="Seconds that an idle connection stays open.")
    add("--grace_period", default=30.0, type=float, help="Seconds that requests in flight have when the server stops.")
    add("--grpc_max_send_message_length", default=DEFAULT_MESSAGE_BYTES, type=int, help="Bytes.")
    add("--grpc_max_receive_message_length", default=DEFAULT_MESSAGE_BYTES, type=int, help="Bytes.")
    add("--max_body_bytes", default=ServerConfig.max_body_bytes, type=int, help="The longest REST body.")
    add("--max_concurrency", default=None, type=int, help="Requests at once, for each worker; more are refused.")


def _add_tls_flags(group: argparse._ArgumentGroup) -> None:
    environ = os.environ
    group.add_argument("--ssl_certfile", default=environ.get("KSERVE_TLS_CERT_FILE"), help="The certificate, PEM.")
    group.add_argument("--ssl_keyfile", default=environ.get("KSERVE_TLS_KEY_FILE"), help="Its key, PEM.")


def _add_model_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--model_name", default="model", help="The name under which the model is served.")
    add("--predictor_host", default=None, help="The predictor's host:port.")
    add("--protocol", default=Default("v1"), choices=PROTOCOLS, help="The same as --predictor_protocol.")
    add("--predictor_protocol", default=Default("v1"), choices=PROTOCOLS, help="What the predictor speaks.")
    add("--predictor_encoding", default="auto", choices=("auto", "json", "binary"), help="Tensors on a V2 REST hop.")
    add("--predictor_use_ssl", default=False, type=strtobool, help="TLS to the predictor.")
    add("--predictor_request_timeout_seconds", default=600, type=float, help="How long to wait for the predictor.")
    add("--predictor_request_retries", default=0, type=int, help="How often to try again.")
    add("--enable_predictor_health_check", action="store_true", help="Ready only when the predictor is.")


def _add_logging_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--configure_logging", default=True, type=strtobool, help="Configure logging as KServe does.")
    add("--log_config_file", default=None, help="A YAML, JSON or fileConfig file.")
    add("--access_log_format", default=None, help="A format of %%(atom)s fields for REST requests.")
    add("--enable_latency_logging", default=True, type=strtobool, help="A line with the time of each step.")


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags of a command line (by default the process's); what is not known here is the user's own."""
    return build_parser().parse_known_args(argv)[0]


def server_config(args: argparse.Namespace) -> ServerConfig:
    """The server's settings."""
    names = ServerConfig.__dataclass_fields__
    values = {name: value for name, value in vars(args).items() if name in names}
    if args.ssl_certfile and args.http_port == 8080:
        values["http_port"] = 8443
    return ServerConfig(**values)


def predictor_config(args: argparse.Namespace) -> PredictorConfig | None:
    """The predictor's settings; None without --predictor_host.

    `--predictor_protocol` wins where both it and `--protocol` are given; KServe parses the latter and forgets it.
    """
    if not args.predictor_host:
        return None
    given = [name for name in (args.predictor_protocol, args.protocol) if not isinstance(name, Default)]
    return PredictorConfig(
        predictor_host=args.predictor_host,
        predictor_protocol=given[0] if given else "v1",
        predictor_use_ssl=args.predictor_use_ssl,
        predictor_request_timeout_seconds=args.predictor_request_timeout_seconds,
        predictor_request_retries=args.predictor_request_retries,
        predictor_health_check=args.enable_predictor_health_check,
        encoding=args.predictor_encoding,
    )


_USAGE = """usage: modelapi run PROGRAM.py [FLAGS ...]
       modelapi run -m MODULE [FLAGS ...]

Runs a program that was written for the kserve package: in its process, `import kserve` means modelapi.
FLAGS are the program's own: KServe's, as a rule (--model_name, --predictor_host, --http_port ...).
"""


def main(argv: Sequence[str] | None = None) -> int:
    """The `modelapi` command; 2 for a command line that it does not understand."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words in (["-h"], ["--help"]):
        print(_USAGE, end="")
        return 0
    match words:
        case ["run", "-m", module, *flags] if not module.startswith("-"):
            return _run(module, flags, runpy.run_module)
        case ["run", program, *flags] if Path(program).is_file():
            return _run(program, flags, runpy.run_path)
        case ["run", program, *_] if not program.startswith("-"):
            print(f"modelapi run: there is no file {program}.", file=sys.stderr)
            return 2
    print(_USAGE, end="", file=sys.stderr)
    return 2


def _run(program: str, flags: list[str], run: Callable[..., object]) -> int:
    """Run it as Python would: its folder (or the current one, for a module) first on the path, its flags in argv."""
    as_kserve.install()
    sys.argv = [program, *flags]
    sys.path.insert(0, str(Path(program).resolve().parent) if Path(program).is_file() else str(Path.cwd()))
    run(program, run_name="__main__")
    return 0
