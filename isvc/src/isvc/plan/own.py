"""A container of the user's own image -> a unit: a transformer, a predictor, a sidecar, an init container.

What KServe adds to one of them is the caller's business; here is what all have in common: the build folder that stands
for the image, variables and their references, volumes, the words in which places are left open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from isvc.manifest.containers import Container, ContainerPort
from isvc.manifest.documents import ComponentFields
from isvc.plan.environment import Scope, Steps, all_variables
from isvc.plan.images import folder_of
from isvc.plan.resources import ignored_resources, memory_limit
from isvc.plan.units import Component, Directory, Endpoint, Folder, Mount, Need, Port, Probe, Unit, Word
from isvc.plan.volumes import Mounted, mounted
from isvc.plan.words import Places, bound, expand, flag_value, includes
from isvc.settings import ImageMapping, Settings

HTTP_PORT, GRPC_PORT = 8080, 8081
"""What a server of KServe's SDK listens on unless it is told otherwise."""
_PORT_FLAG = re.compile(r"-p|--?[\w-]*port[\w-]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Own:
    """One container as it was written, its references resolved."""

    container: Container
    steps: Steps
    mapping: ImageMapping
    arguments: tuple[str, ...]
    variables: Mapping[str, str]
    volumes: Mounted
    paths: Mapping[str, Directory | Folder]
    """Of the volumes and of the models, by the path in the container."""

    @property
    def command(self) -> tuple[str, ...]:
        return tuple(expand(text, self.variables) for text in self.container.command or self.mapping.command)


def read_own(
    scope: Scope,
    component: ComponentFields,
    container: Container,
    steps: Steps,
    settings: Settings,
    *,
    models: Mapping[str, Directory | Folder],
    variables: Mapping[str, str],
) -> Own:
    """`variables` are those that KServe sets, over the container's. Raises PlanError."""
    mapping = folder_of(container.image, settings, scope.document.place(*steps, "image"))
    values = {**all_variables(container, scope, steps), **variables}
    found = mounted(scope, component, container, steps, 2, settings)
    arguments = tuple(expand(argument, values) for argument in container.args)
    return Own(container, steps, mapping, arguments, values, found, {**models, **(found.paths or {})})


def server_unit(
    scope: Scope,
    own: Own,
    name: str,
    component: Component,
    arguments: Sequence[Word],
    *,
    needs: tuple[Need, ...],
    mounts: tuple[Mount, ...] = (),
    pod: str = "",
    neighbours: Mapping[int, Endpoint] | None = None,
) -> Unit:
    """The unit of a server, `arguments` being all that stands behind its command."""
    places = Places(own.paths, neighbours or {})
    return Unit(
        name=name,
        component=component,
        command=(*(places.word(text) for text in own.command), *arguments),
        environment=tuple(_environment(own, places)),
        ports=(("http", http_number(own)), ("grpc", grpc_number(own))),
        mounts=(*mounts, *own.volumes.mounts),
        needs=needs,
        probe=probe(own.container),
        image=own.container.image,
        folder=own.mapping.folder,
        pod=pod,
        memory=memory_limit(own.container.resources, scope.document.place(*own.steps, "resources", "limits", "memory")),
        files=own.volumes.files,
    )


def written_arguments(own: Own, places: Places, flags: Mapping[str, object] | None = None) -> Iterator[Word]:
    """The YAML's own arguments. The value of a port's flag is left open where it is the container's own number."""
    known = {"--http_port": "http", "--grpc_port": "grpc"}
    handlers = {flag: _opener(port) for flag, port in known.items()}
    handlers |= {flag: _opener(port) for flag, port in _flags_of_declared_ports(own).items() if flag not in known}
    return bound(own.arguments, {**handlers, **(flags or {})}, places.word)  # type: ignore[dict-item]  # all callables


def port_arguments(own: Own, places: Places) -> Iterator[Word]:
    """What the settings add so that the program listens where nobody else does; nothing that was written already."""
    words = [places.word(text, ports=True) for text in own.mapping.arguments]
    skipping = False
    for text, added in zip(own.mapping.arguments, words, strict=True):
        if text.startswith("-"):
            skipping = includes(own.arguments, text.partition("=")[0])
        if not skipping:
            yield added


def http_number(own: Own) -> int:
    declared = (port.container_port for port in own.container.ports if not is_grpc(port))
    return _number(flag_value(own.arguments, "--http_port"), next(declared, HTTP_PORT))


def grpc_number(own: Own) -> int:
    declared = (port.container_port for port in own.container.ports if is_grpc(port))
    return _number(flag_value(own.arguments, "--grpc_port"), next(declared, GRPC_PORT))


def numbers(own: Own, unit: str) -> dict[int, Endpoint]:
    """On which ports of the pod's localhost `own` is found, as the unit called `unit`."""
    return {grpc_number(own): Endpoint(unit, "grpc"), http_number(own): Endpoint(unit, "http")}


def is_grpc(port: ContainerPort) -> bool:
    """KServe's reading of a port's name (service_reconciler.go)."""
    return "h2c" in port.name or "grpc" in port.name


def probe(container: Container) -> Probe:
    """The YAML's own HTTP probe; else that the port takes a connection, KServe's default (deployment_reconciler.go)."""
    written = container.readiness_probe
    first_is_grpc = bool(container.ports) and all(is_grpc(port) for port in container.ports)
    http_get = written.http_get if written is not None else None
    return Probe("grpc" if first_is_grpc and http_get is None else "http", http_get.path if http_get else None)


def image_notices(own: Own) -> Iterator[str]:
    mapping = own.mapping
    yield f"image: {mapping.image} -> {mapping.written} (isvc.yaml)"
    if not own.container.command:
        yield f"command: {' '.join(mapping.command)} (isvc.yaml; the YAML has none)"
    path = scope_path(own.steps)
    yield from ignored_resources(own.container.resources, f"{path}.resources")
    yield from volume_notices(own.volumes, path)


def volume_notices(volumes: Mounted, path: str) -> Iterator[str]:
    if volumes.mounts:
        names = ", ".join(mount.path for mount in volumes.mounts)
        yield f"{path}: {names} are other folders without a container; arguments and variables that name them follow"


def scope_path(steps: Steps) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def _environment(own: Own, places: Places) -> Iterator[tuple[str, Word]]:
    numbers = {str(http_number(own)): "http", str(grpc_number(own)): "grpc"}
    for name, value in own.variables.items():
        is_port = name.upper() == "PORT" or name.upper().endswith("_PORT")
        yield name, (Port(numbers[value]),) if is_port and value in numbers else places.word(value)


def _flags_of_declared_ports(own: Own) -> dict[str, str]:
    """Flags that say a port whose value is a number on which the container is known to listen."""
    numbers = {str(port.container_port): "grpc" if is_grpc(port) else "http" for port in own.container.ports}
    found: dict[str, str] = {}
    for index, argument in enumerate(own.arguments):
        flag, equals, value = argument.partition("=")
        value = value if equals else next(iter(own.arguments[index + 1 : index + 2]), "")
        if _PORT_FLAG.fullmatch(flag) and value in numbers:
            found[flag] = numbers[value]
    return found


def _opener(port: str) -> object:
    return lambda _: (Port(port),)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdecimal() and 0 < int(text) < 65536 else otherwise
