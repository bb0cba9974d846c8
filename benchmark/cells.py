"""What is measured: the cells, the contenders, and the targets."""

from dataclasses import dataclass
from typing import Literal

Wire = Literal["v1", "grpc"]
Hop = Literal["grpc-v2", "v2", "v2-json", "v1"]
Contender = Literal["modelapi", "modelapi-again", "kserve", "kserve-binary", "floor"]

# `modelapi-again` is a second process of the very same program: the A/A control. `kserve-binary` is kserve with a user
# who asks for binary tensors by hand on the V2 REST hop; Triton takes them so, another KServe server does not.
CONTENDERS: tuple[Contender, ...] = ("modelapi", "kserve", "kserve-binary", "floor", "modelapi-again")
PICTURE_SIDE = 32


@dataclass(frozen=True)
class Cell:
    """One way through a transformer: a 32 x 32 PNG comes in on `wire`, and 3 x side x side FP32 go on over `hop`.

    `over_floor` and `over_kserve` are the least ratios of requests per second that are wanted; 0 is no target.
    """

    name: str
    title: str
    wire: Wire
    hop: Hop
    side: int = PICTURE_SIDE
    over_floor: float = 0
    over_kserve: float = 0


def takes_part(contender: Contender, cell: Cell) -> bool:
    """Whether a contender has something of its own to show in a cell."""
    return contender != "kserve-binary" or cell.hop == "v2"


CELLS = (
    Cell("v1-grpc", "V1 in, gRPC hop", "v1", "grpc-v2", over_floor=0.85, over_kserve=2.5),
    Cell("v1-v2", "V1 in, V2 REST hop", "v1", "v2", over_floor=0.85, over_kserve=9),
    Cell("v1-v2-json", "V1 in, V2 REST hop in JSON", "v1", "v2-json"),
    Cell("v1-v1", "V1 in, V1 REST hop", "v1", "v1", over_kserve=3),
    Cell("grpc-grpc", "gRPC in, gRPC hop", "grpc", "grpc-v2", over_floor=0.85, over_kserve=1.1),
    Cell("v1-grpc-224", "V1 in, gRPC hop, 3x224x224", "v1", "grpc-v2", 224, over_floor=0.85, over_kserve=1.6),
    Cell("v1-v2-224", "V1 in, V2 REST hop, 3x224x224", "v1", "v2", 224, over_kserve=20),
)

# The rest of "how light is it": modelapi's share of what kserve takes, at most.
READY_SHARE, MEMORY_SHARE, DISTRIBUTIONS_SHARE = 0.5, 0.6, 0.5
WORKERS_GAIN = 1.6
SOAK_GROWTH = 0.05
