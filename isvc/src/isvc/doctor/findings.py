"""What the doctor says, and the codes by which it says it. A code keeps its meaning for ever (docs/doctor.md)."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from isvc.errors import Place


class Level(enum.Enum):
    ERROR = "error"
    """It will not work on a cluster."""
    WARNING = "warning"
    """It works until it does not."""


@dataclass(frozen=True, slots=True)
class Code:
    code: str
    name: str
    level: Level
    says: str


CODES = {
    code.name: code
    for code in (
        Code("ISVC001", "protocol-flag", Level.ERROR, "--protocol does not choose what KServe's SDK speaks"),
        Code(
            "ISVC002", "transformer-workers", Level.ERROR, "with two workers a transformer on KServe's SDK answers 501"
        ),
        Code("ISVC003", "triton-model-name", Level.ERROR, "the model name is no folder of Triton's repository"),
        Code("ISVC004", "rest-to-h2c", Level.ERROR, "port 80 of the predictor is gRPC, and the transformer calls REST"),
        Code("ISVC005", "format-needs-v2", Level.ERROR, "no runtime serves the format in the protocol that holds"),
        Code("ISVC006", "s3-prefix", Level.WARNING, "an S3 prefix without a slash fetches its siblings too"),
        Code("ISVC007", "file-address", Level.ERROR, "a file:// address is not there on a cluster"),
        Code("ISVC008", "grpc-body", Level.WARNING, "a body is larger than gRPC takes by default"),
        Code("ISVC009", "collocated-ports", Level.ERROR, "two containers of one pod listen on one port"),
        Code("ISVC010", "pythonpath", Level.ERROR, "PYTHONPATH is refused by KServe"),
        Code("ISVC011", "latest-tag", Level.WARNING, "an image without a fixed version"),
        Code("ISVC012", "logger-mode", Level.ERROR, "a logger without a mode is refused by KServe"),
        Code("ISVC013", "collocated-host", Level.ERROR, "the transformer of a pair is not told where its predictor is"),
        Code("ISVC014", "ignored-storage", Level.WARNING, "STORAGE_URI of a sidecar is not fetched"),
        Code(
            "ISVC015", "grpc-to-rest", Level.ERROR, "the transformer calls gRPC, and port 80 of the predictor is REST"
        ),
        Code("ISVC016", "canary-behind", Level.WARNING, "behind a transformer a canary gets no request"),
        Code("ISVC099", "refused", Level.ERROR, "KServe, or this machine, refuses it"),
    )
}


@dataclass(frozen=True, slots=True)
class Finding:
    code: Code
    place: Place
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.place}: {self.code.level.value} {self.code.code} {self.message}\n  {self.fix}"


def finding(name: str, place: Place, message: str, fix: str) -> Finding:
    return Finding(CODES[name], place, message, fix)
