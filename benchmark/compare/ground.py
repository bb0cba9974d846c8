"""What is asked, by hop and arm: built from a stand of our own, or from an ingress that runs somewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmark.compare import messages
from benchmark.compare.arms import ARMS, Hop, with_control
from benchmark.compare.findings import is_control
from benchmark.compare.load.connection import Target
from benchmark.compare.messages import Message
from benchmark.compare.stand import CURVE_MODEL, HOST, MODEL, ROOT, Listening, Stand
from benchmark.processes import Server

PICTURE = ROOT / "models/samples/cat.png"


@dataclass(frozen=True)
class Lane:
    """One arm on one hop: where it goes, and whose CPU it takes."""

    hop: Hop
    arm: str
    target: Target
    servers: Mapping[str, Server]


@dataclass(frozen=True)
class Ground:
    """`statistics` is the address at which the predictor tells of itself, where it is known. `again` are
    the lanes' requests once more, `inside` the client's past the ingress, `direct` the transformer's past itself.
    """

    predictor: str
    model: str
    lanes: tuple[Lane, ...]
    again: Mapping[tuple[Hop, str], Target]
    inside: Mapping[str, Target]
    direct: Mapping[str, Target]
    statistics: str | None

    def of(self, hop: Hop) -> list[Lane]:
        return [lane for lane in self.lanes if lane.hop == hop]

    def without(self, gone: set[tuple[Hop, str]]) -> "Ground":
        return replace(self, lanes=tuple(lane for lane in self.lanes if (lane.hop, lane.arm) not in gone))


def of_stand(stand: Stand, file: bytes, scratch: Path) -> Ground:
    """Both hops: the client's arms at the front; on the other, transformers that differ, all asked in one way."""
    lanes, front, behind = [], stand.front, stand.transformers["grpc"]
    again: dict[tuple[Hop, str], Target] = {}
    inside: dict[str, Target] = {}
    for arm in with_control(ARMS):
        message = messages.picture(arm.wire, file, MODEL)
        target = aim(f"client-{arm.name}", message, front.address(arm.wire), HOST, scratch)
        lanes.append(Lane("client", arm.name, target, _servers(stand, behind)))
        again["client", arm.name] = replace(target, name=f"again-{target.name}")
        if stand.ingress:
            inside[arm.name] = aim(f"inside-{arm.name}", message, behind.address(arm.wire), HOST, scratch)
    asked = messages.picture("v1", file, MODEL)
    for name, transformer in stand.transformers.items():
        target = aim(f"predictor-{name}", asked, transformer.rest, transformer.rest, scratch)
        again["predictor", name] = replace(target, name=f"again-{target.name}")
        servers = {"transformer": transformer.server, "predictor": stand.predictor.server}
        lanes.append(Lane("predictor", name, target, servers))
    again = {key: target for key, target in again.items() if not is_control(key[1])}
    direct = _direct(stand, scratch)
    return Ground(stand.predictor_kind, MODEL, tuple(lanes), again, inside, direct, stand.predictor.rest)


def of_target(url: str, host: str, model: str, file: bytes, scratch: Path) -> Ground:
    """The client's hop alone, at an ingress or server at `url`."""
    lanes = []
    for arm in with_control(ARMS):
        message = messages.picture(arm.wire, file, model)
        target = aim(f"client-{arm.name}", message, url, host, scratch)
        lanes.append(Lane("client", arm.name, target, {}))
    return Ground("as it runs there", model, tuple(lanes), {}, {}, {}, None)


def aim(name: str, message: Message, address: str, host: str, scratch: Path) -> Target:
    """A target of which each client process reads the body from a file."""
    scratch.mkdir(parents=True, exist_ok=True)
    body = scratch / f"{name}.body"
    body.write_bytes(message.body)
    url = address if "://" in address else f"http://{address}"
    return Target(name, message.transport, url, host or address, message.path, dict(message.headers), body)


def curve(predictor: Listening, size: int, scratch: Path) -> dict[str, Target]:
    """FP32 tensors of about `size` bytes to the predictor itself, by arm; see `shape`."""
    values = np.random.default_rng(size).standard_normal(shape(size)).astype(np.float32)
    made = {}
    for arm in ARMS:
        message = messages.tensor(arm.wire, values, CURVE_MODEL)
        address = predictor.address(arm.wire)
        made[arm.name] = aim(f"curve-{size}-{arm.name}", message, address, address, scratch)
    return made


def shape(size: int) -> tuple[int, int, int, int]:
    """[1, 3, height, width] that come nearest to `size` bytes, square where that is exact: 12288 is 3x32x32."""
    pixels = max(1, round(size / 12))
    side = round(pixels**0.5)
    return (1, 3, side, side) if side * side == pixels else (1, 3, 1, pixels)


def _servers(stand: Stand, transformer: Listening) -> dict[str, Server]:
    servers = {"transformer": transformer.server, "predictor": stand.predictor.server}
    return {**servers, "ingress": stand.ingress.server} if stand.ingress else servers


def _direct(stand: Stand, scratch: Path) -> dict[str, Target]:
    """The tensor that the transformer makes of the picture, by arm, where the predictor speaks it."""
    values = np.random.default_rng(1).standard_normal((1, 3, 32, 32)).astype(np.float32)
    made = {}
    for arm in ARMS:
        if arm.name in stand.transformers:
            message = messages.tensor(arm.wire, values, MODEL)
            address = stand.predictor.address(arm.wire)
            made[arm.name] = aim(f"direct-{arm.name}", message, address, address, scratch)
    return made
