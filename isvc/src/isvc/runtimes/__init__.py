"""KServe's serving runtimes as data (kserve.yaml), and how each runs on this machine (local.yaml)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files

from isvc.manifest import ServingRuntime, parse_text
from isvc.manifest.decode import decode
from isvc.manifest.nodes import parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A local server. `ports` are the numbers it has where a unit has a network of its own."""

    command: tuple[str, ...]
    ports: Mapping[str, int]
    ready: str
    """The path that answers 200 once the model is loaded."""
    environment: Mapping[str, str] | None = None
    """Beside the container's own variables."""
    takes_arguments: bool = False
    """It knows the arguments of KServe's server, and gets those of the container."""
    flags: Mapping[str, str] | None = None
    """Of those arguments, the ones that name a port, with its name here; what the container does not give is added."""
    role: str = ""
    """The folder at the top of the checkout that makes it: an environment for processes, an image for Compose."""
    title: str = ""
    """What people call it."""
    stands_in: bool = False
    """It is not the server KServe would run, only serves the same models in the same protocols."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The runtimes of a cluster with KServe's default install, and the programs that run them here."""

    runtimes: tuple[ServingRuntime, ...]
    programs: Mapping[str, Program]
    program_names: Mapping[str, str]
    """By the name of the runtime."""
    real: Mapping[str, str] = field(default_factory=dict)
    """The same for the real servers, each of which needs an environment or an image of its own."""

    def with_real(self, programs: Collection[str]) -> Catalogue:
        """The catalogue in which these real servers run what they can."""
        chosen = {runtime: program for runtime, program in self.real.items() if program in programs}
        return replace(self, program_names={**self.program_names, **chosen})


def load() -> Catalogue:
    """Reads this package's own data files."""
    folder = files(__package__)
    documents = parse_text((folder / "kserve.yaml").read_text(encoding="utf-8"), "kserve.yaml")
    runtimes = tuple(doc.resource for doc in documents if isinstance(doc.resource, ServingRuntime))
    (node,) = parse((folder / "local.yaml").read_text(encoding="utf-8"), "local.yaml")
    local, _ = decode(node, _Local)
    return Catalogue(runtimes=runtimes, programs=local.programs, program_names=local.runtimes, real=local.real)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Local:
    programs: Mapping[str, Program]
    runtimes: Mapping[str, str]
    real: Mapping[str, str]
