"""What a model directory may hold, described and not yet opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from predictor_mock.signature import Signature


@dataclass(frozen=True)
class OnnxSource:
    """An ONNX file to run. `declared` is what a configuration beside it promises, None where there is none."""

    name: str
    path: Path
    version: str | None = None
    declared: Signature | None = None


@dataclass(frozen=True)
class DeclaredSource:
    """A model whose inputs and outputs are declared and whose `platform` cannot be run here."""

    name: str
    signature: Signature
    platform: str
    version: str | None = None


@dataclass(frozen=True)
class ArchiveSource:
    """A TorchServe model archive, `path`, served as `name`."""

    name: str
    path: Path
    version: str | None = None


Source = OnnxSource | DeclaredSource | ArchiveSource
