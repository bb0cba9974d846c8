"""The servers of a comparison: a predictor, a transformer for each protocol of its hop, and the ingress before one.

Each is a process of its own with one worker, started the same way and with the same logging; all end with the `with`.
"""

import http.client
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.compare.arms import AGAIN, ARMS, Arm, ArmName, Hop
from benchmark.environments import EnvironmentFailed, Say
from benchmark.predictors import start, triton
from benchmark.processes import Server, free_ports, running, wait_ready

ROOT = Path(__file__).parents[2]
TRANSFORMER = ROOT / "transformer"
MODEL, CURVE_MODEL = "cifar10", start.MODEL
MODELS = ROOT / "models/bucket/models/torchscript"
HOST = "compare.default.example.com"
TRITON, MOCK = "Triton", "predictor-mock"
_GRPC_PATHS = "PathPrefix(`/inference.GRPCInferenceService/`)"
_PROTOCOL: dict[ArmName, list[str]] = {
    "v1": ["--predictor_protocol", "v1"],
    "v2-json": ["--predictor_protocol", "v2", "--predictor_encoding", "json"],
    "v2-binary": ["--predictor_protocol", "v2", "--predictor_encoding", "binary"],
    "grpc": ["--predictor_protocol", "grpc-v2"],
}


@dataclass(frozen=True)
class Listening:
    """A server and its addresses, `host:port`."""

    server: Server
    rest: str
    grpc: str

    def address(self, wire: ArmName) -> str:
        return self.grpc if wire == "grpc" else self.rest


@dataclass(frozen=True)
class Stand:
    """Everything that runs. `missing` says which arms are not there and why; `notes` what differs from a cluster."""

    predictor_kind: str
    predictor: Listening
    transformers: Mapping[str, Listening]
    ingress: Listening | None
    missing: Mapping[tuple[Hop, str], str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def front(self) -> Listening:
        """What the client calls on its hop: the transformer with the gRPC hop, by way of the ingress."""
        return self.ingress or self.transformers["grpc"]


@contextmanager
def up(kind: str, scratch: Path, say: Say, ingress: bool = True) -> Iterator[Stand]:
    """`kind` is Triton or predictor-mock. Raises ServerFailed, EnvironmentFailed."""
    scratch.mkdir(parents=True)
    with ExitStack() as stack:
        say(f"starting {kind}, five transformers{' and the ingress' if ingress else ''}")
        predictor = stack.enter_context(_predictor(kind, scratch, say))
        arms = [*(arm.name for arm in ARMS if arm.name != "v1" or kind == MOCK), "grpc" + AGAIN]
        transformers = stack.enter_context(transformers_up(dict.fromkeys(arms, predictor), scratch))
        front = stack.enter_context(_ingress(transformers["grpc"], scratch)) if ingress else None
        missing: dict[tuple[Hop, str], str] = {}
        if kind != MOCK:
            missing["predictor", "v1"] = f"{kind} does not speak V1"
        notes = () if front else ("no ingress: clients call the transformer itself",)
        yield Stand(kind, predictor, transformers, front, missing, notes)


@contextmanager
def transformers_up(
    predictors: Mapping[str, Listening], scratch: Path, tag: str = ""
) -> Iterator[dict[str, Listening]]:
    """A transformer for each arm and its predictor, which differ in the protocol of their hop alone; all at once."""
    with ExitStack() as stack:
        made = {}
        for name, predictor in predictors.items():
            wire = wire_of(name)
            http_port, grpc_port = free_ports(2)
            command = [
                *(sys.executable, "-m", "model", "--model_name", MODEL, "--predictor_host", predictor.address(wire)),
                *("--http_port", str(http_port), "--grpc_port", str(grpc_port), *_PROTOCOL[wire]),
            ]
            log = scratch / f"transformer-{name}{tag}.log"
            server = stack.enter_context(running(f"transformer {name}", command, os.environ, log, TRANSFORMER))
            made[name] = Listening(server, f"127.0.0.1:{http_port}", f"127.0.0.1:{grpc_port}")
        for each in made.values():
            _wait(each, f"/v2/models/{MODEL}/ready")
        yield made


def wire_of(arm: str) -> ArmName:
    """The wire of an arm or of its control, by name."""
    return next(each.wire for each in ARMS if each.name == arm.removesuffix(AGAIN))


def supported(kind: str, say: Say) -> str | None:
    """Why a kind of predictor cannot run here; None if it can."""
    if kind == MOCK:
        return None
    if reason := triton.unsupported():
        return reason
    try:
        triton.environment(say)
    except EnvironmentFailed as exc:
        return str(exc)
    return None


def has_ingress() -> bool:
    return _traefik().exists()


def speaks(stand: Stand, hop: Hop, arm: Arm) -> bool:
    return (hop, arm.wire) not in stand.missing


@contextmanager
def _predictor(kind: str, scratch: Path, say: Say) -> Iterator[Listening]:
    """For the mock, both models are a mean and a product: the predictor as a floor that costs next to nothing."""
    http_port, grpc_port = free_ports(2)
    repository = shutil.copytree(start.REPOSITORY, scratch / "repository")
    if kind == TRITON:
        shutil.copytree(MODELS / MODEL, repository / MODEL)
        triton.environment(say)
        command = triton.command(repository, http_port, grpc_port)
    else:
        _floor_model(repository)
        ports = ("--http_port", str(http_port), "--grpc_port", str(grpc_port))
        command = [sys.executable, "-m", "predictor_mock.cli", "--model_dir", str(repository)]
        command += ["--model_name", MODEL, *ports]
    with running(kind, command, os.environ, scratch / "predictor.log", scratch) as server:
        listening = Listening(server, f"127.0.0.1:{http_port}", f"127.0.0.1:{grpc_port}")
        for model in (MODEL, CURVE_MODEL):
            _wait(listening, f"/v2/models/{model}/ready")
        yield listening


def _floor_model(repository: Path) -> None:
    """The curve's model, by the name of the picture model as well."""
    shutil.copytree(repository / CURVE_MODEL, repository / MODEL)
    config = repository / MODEL / "config.pbtxt"
    config.write_text(config.read_text(encoding="utf-8").replace(f'"{CURVE_MODEL}"', f'"{MODEL}"'), encoding="utf-8")


@contextmanager
def _ingress(behind: Listening, scratch: Path) -> Iterator[Listening]:
    """Traefik with the routes of one InferenceService: REST and gRPC on one port, by host."""
    (port,) = free_ports(1)
    routes = scratch / "routes"
    routes.mkdir()
    (routes / "compare.yml").write_text(json.dumps(_routes(behind)), encoding="utf-8")
    command = [
        str(_traefik()),
        f"--entryPoints.web.address=127.0.0.1:{port}",
        f"--providers.file.directory={routes}",
        "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false",
        "--log.level=ERROR",
    ]
    with running("ingress", command, os.environ, scratch / "ingress.log", scratch) as server:
        address = f"127.0.0.1:{port}"
        listening = Listening(server, address, address)
        _wait(listening, f"/v2/models/{MODEL}/ready", HOST)
        yield listening


def _routes(behind: Listening) -> dict[str, object]:
    def servers(url: str) -> dict[str, object]:
        return {"loadBalancer": {"servers": [{"url": url}]}}

    host = f"Host(`{HOST}`)"
    return {
        "http": {
            "routers": {
                "rest": {"rule": host, "priority": 10, "entryPoints": ["web"], "service": "rest"},
                "grpc": {"rule": f"{host} && {_GRPC_PATHS}", "priority": 20, "entryPoints": ["web"], "service": "grpc"},
            },
            "services": {"rest": servers(f"http://{behind.rest}"), "grpc": servers(f"h2c://{behind.grpc}")},
        }
    }


def _traefik() -> Path:
    return Path(sys.executable).with_name("traefik")


def _wait(listening: Listening, path: str, host: str = "") -> None:
    """Raises ServerFailed."""
    wait_ready(listening.server, lambda: answers(listening.rest, path, host), pause=0.03)


def answers(address: str, path: str, host: str = "") -> bool:
    """Whether a GET is answered with a 200."""
    name, _, port = address.rpartition(":")
    link = http.client.HTTPConnection(name, int(port), timeout=2)
    try:
        link.request("GET", path, headers={"Host": host or address})
        return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()
