"""What is compared. An arm is one way of saying the same request; its encoding and its transport are told apart."""

from dataclasses import dataclass
from typing import Literal

ArmName = Literal["v1", "v2-json", "v2-binary", "grpc"]
Hop = Literal["client", "predictor"]
AGAIN = "-again"


@dataclass(frozen=True)
class Arm:
    """`again` is the A/A control: the very same arm a second time, over connections (and servers) of its own."""

    name: str
    wire: ArmName
    title: str
    transport: str
    encoding: str

    @property
    def again(self) -> bool:
        return self.name.endswith(AGAIN)


ARMS = (
    Arm("v1", "v1", "V1 JSON", "HTTP/1.1", "JSON"),
    Arm("v2-json", "v2-json", "V2 JSON", "HTTP/1.1", "JSON"),
    Arm("v2-binary", "v2-binary", "V2 binary", "HTTP/1.1", "raw bytes"),
    Arm("grpc", "grpc", "gRPC", "HTTP/2", "raw bytes"),
)
BY_NAME = {arm.name: arm for arm in ARMS}
HOPS: dict[Hop, str] = {"client": "client to transformer", "predictor": "transformer to predictor"}


@dataclass(frozen=True)
class Pair:
    """A question: what changes from `base` to `other`, and what alone differs between them."""

    other: str
    base: str
    question: str


PAIRS = (
    Pair("grpc", "v2-binary", "transport: HTTP/2 and gRPC against HTTP/1.1, both raw bytes"),
    Pair("v2-json", "v2-binary", "encoding: JSON against raw bytes, both HTTP/1.1"),
    Pair("v1", "grpc", "the guide's own pair: V1 JSON against gRPC, transport and encoding at once"),
)


def again(arm: Arm) -> Arm:
    """The A/A control of an arm."""
    return Arm(arm.name + AGAIN, arm.wire, f"{arm.title} again", arm.transport, arm.encoding)


def with_control(arms: tuple[Arm, ...]) -> tuple[Arm, ...]:
    """The arms and, last, the control of the last of them."""
    return (*arms, again(arms[-1]))
