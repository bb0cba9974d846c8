"""What has to run, said without saying where: units, their words, and the routes to them.

A word of a command line or of the environment may hold a place that only a backend can fill in: an address
(`Endpoint`), a port to listen on (`Port`), a folder (`Directory`, `Folder`). No Compose key, no PID, no local path of a
mount enters here.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address, `host:port`, at which another unit reaches the port called `port` of the unit called `unit`."""

    unit: str
    port: str


@dataclass(frozen=True, slots=True)
class Port:
    """The number of the port called `port` on which the unit that holds this word has to listen."""

    port: str


FILES = "files"


@dataclass(frozen=True, slots=True)
class Directory:
    """A folder that units of one service share, such as the models that the storage initializer fills."""

    name: str

    @property
    def holds_files(self) -> bool:
        """Whether it, or the file that it is, was written from a ConfigMap or a Secret."""
        return self.name.startswith(f"{FILES}/")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder or file that stands on this machine already, by its absolute path: where a storage mapping leads."""

    location: str


Piece = str | Endpoint | Port | Directory | Folder
Word = tuple[Piece, ...]
"""One argument or one value: its pieces, resolved, are joined, as in `("--model-store=", Directory("models"))`."""


class Site(Protocol):
    """The two questions only a backend can answer."""

    def address(self, endpoint: Endpoint) -> str: ...

    def path(self, place: Directory | Folder) -> str: ...


class Component(enum.Enum):
    """The part of an InferenceService that a unit plays."""

    BUCKET = "bucket"
    """A store that serves a folder of this machine to the storage initializer."""
    STORAGE_INITIALIZER = "storage-initializer"
    PREDICTOR = "predictor"
    TRANSFORMER = "transformer"
    INIT_CONTAINER = "init-container"
    SIDECAR = "sidecar"
    AGENT = "agent"
    """KServe's agent, in front of a component with a logger or a batcher."""
    SERVICE = "service"
    """One address for several instances, as a Service of Kubernetes is."""


class Condition(enum.Enum):
    """What has to be so of another unit before this one may start."""

    COMPLETED = "completed"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Need:
    unit: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Mount:
    directory: Directory | Folder
    path: str
    """The path at which the container sees the folder, `/mnt/models` for the models."""
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class File:
    path: str
    """Below the folder that it is in."""
    content: str = field(repr=False)
    """In base64: it may be no text, and may be secret."""
    mode: int


@dataclass(frozen=True, slots=True)
class Files:
    """A folder whose files say what a ConfigMap or a Secret says."""

    directory: Directory
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """Ready when GET `path` on the port called `port` answers 200; with `path` None, when it takes a connection.

    With `port` empty, a program that serves nobody: ready as soon as it runs.
    """

    port: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing that runs: a program that ends (the storage initializer) or a server (the rest).

    `command` is complete: the program, then its arguments. `folder` is where it runs: the absolute path of a build
    folder, or None where the program is one of the project's own or of an environment.
    """

    name: str
    component: Component
    command: tuple[Word, ...]
    environment: tuple[tuple[str, Word], ...] = ()
    secrets: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Variables that the program reads and nobody else is to see: backends show them nowhere."""
    ports: tuple[tuple[str, int], ...] = ()
    """Name and number in the container, as KServe has them. A backend may listen elsewhere."""
    mounts: tuple[Mount, ...] = ()
    needs: tuple[Need, ...] = ()
    probe: Probe | None = None
    """None for a program that ends."""
    image: str = ""
    """The image KServe would run."""
    folder: str | None = None
    pod: str = ""
    """Units with the same one are containers of one pod, which share a network: `localhost` is each of them."""
    role: str = ""
    """The folder at the top of the checkout whose environment or image has the program; empty for isvc's own."""
    memory: int | None = None
    """The most it may use, in bytes: `limits.memory` of the YAML's resources; None where KServe's default holds."""
    files: tuple[Files, ...] = ()
    """What has to be written for it before it starts."""


@dataclass(frozen=True, slots=True)
class Share:
    """A second predictor's part of the requests, in percent."""

    rest: Endpoint
    grpc: Endpoint | None
    percent: int


@dataclass(frozen=True, slots=True)
class Route:
    """Requests for any of `hosts` go to `rest`, or to `grpc` where they are gRPC. Open once the service is ready."""

    hosts: tuple[str, ...]
    rest: Endpoint
    grpc: Endpoint | None
    timeout: int | None = None
    """Seconds after which a request without an answer is answered 504; None where nobody said."""
    canaries: tuple[Share, ...] = ()
    """Those that are ready get their share; the rest of the requests goes to `rest` and `grpc`."""
    path: str = ""
    """Below it, with a slash at both ends, the same service answers on `path_host`; REST only."""
    path_host: str = ""


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One InferenceService: its units in the order in which they start, and its route."""

    name: str
    namespace: str
    units: tuple[Unit, ...]
    route: Route
    model_name: str
    """The model name a caller puts in the path: `--model_name` of the transformer, else of the predictor."""
    notices: tuple[str, ...] = ()
    """What is otherwise here than in KServe, a line each: mappings used, runtimes stood in for, fields ignored."""
    warmup: str | None = None
    """The path of a V1 request body that a caller could send: `input.json` beside the YAML."""
    component_routes: tuple[Route, ...] = ()
    """The hosts of the components, `<isvc>-predictor` and `<isvc>-transformer`, each leading to its own unit."""
    copies: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Of a unit that runs more than once: its name, and the names of the others; requests are spread over all."""
    stopped: bool = False
    """Wanted without anything running: `serving.kserve.io/stop`."""

    @property
    def host(self) -> str:
        return self.route.hosts[0]

    def instances(self, endpoint: Endpoint) -> tuple[Endpoint, ...]:
        """`endpoint`, and the same port of its unit's copies."""
        others = dict(self.copies).get(endpoint.unit, ())
        return (endpoint, *(Endpoint(name, endpoint.port) for name in others))


@dataclass(frozen=True, slots=True)
class Plan:
    services: tuple[ServicePlan, ...]


def resolve(word: Word, unit: Unit, site: Site) -> str:
    """The text of `word` as `unit` is to see it."""
    return "".join(_text(piece, unit, site) for piece in word)


def resolve_all(words: Iterable[Word], unit: Unit, site: Site) -> list[str]:
    return [resolve(word, unit, site) for word in words]


def _text(piece: Piece, unit: Unit, site: Site) -> str:
    match piece:
        case Endpoint():
            return site.address(piece)
        case Port(port):
            return site.address(Endpoint(unit.name, port)).rpartition(":")[2]
        case Directory() | Folder():
            return site.path(piece)
        case str():
            return piece
