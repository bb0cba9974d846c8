"""The other containers of a component's pod: sidecars that run beside its server, and init containers before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from isvc.manifest.containers import Container
from isvc.manifest.documents import ComponentFields
from isvc.plan.environment import Scope, Steps
from isvc.plan.own import Own, image_notices, port_arguments, read_own, server_unit, written_arguments
from isvc.plan.units import Component, Condition, Endpoint, Mount, Need, Probe, Unit
from isvc.plan.words import Places
from isvc.settings import Settings


@dataclass(frozen=True, slots=True)
class Pod:
    """One component's pod: its name, what its containers share, what they wait for."""

    scope: Scope
    component: ComponentFields
    name: str
    """Of the component's own unit."""
    settings: Settings
    variables: Mapping[str, str]
    """That every container gets."""
    steps: Steps

    def read(self, container: Container, index: int, field: str = "containers", mount: Mount | None = None) -> Own:
        models = {mount.path: mount.directory} if mount else {}
        steps: Steps = (*self.steps, field, index)
        return read_own(
            self.scope, self.component, container, steps, self.settings, models=models, variables=self.variables
        )


def sidecars(pod: Pod, main: int, needs: tuple[Need, ...], neighbours: Mapping[int, Endpoint]) -> Iterator[Unit]:
    """Every container but the one at `main`. One that declares no port serves nobody: it only has to run."""
    for index, container in enumerate(pod.component.containers):
        if index == main:
            continue
        own = pod.read(container, index)
        places = Places(own.paths, neighbours)
        arguments = list(written_arguments(own, places))
        arguments += port_arguments(own, places) if container.ports else ()
        name = f"{pod.name}-{container.name or index}"
        unit = server_unit(
            pod.scope, own, name, Component.SIDECAR, arguments, needs=needs, pod=pod.name, neighbours=neighbours
        )
        yield unit if container.ports else replace(unit, ports=(), probe=Probe(""))


def sidecar_notices(pod: Pod, main: int) -> Iterator[str]:
    for index, container in enumerate(pod.component.containers):
        if index != main:
            yield from image_notices(pod.read(container, index))


def init_containers(pod: Pod, needs: tuple[Need, ...], mount: Mount | None) -> Iterator[Unit]:
    """In their order, each after the one before has ended well."""
    for index, container in enumerate(pod.component.init_containers):
        own = pod.read(container, index, "initContainers", mount)
        arguments = tuple(written_arguments(own, Places(own.paths)))
        name = f"{pod.name}-{container.name or f'init-{index}'}"
        unit = server_unit(
            pod.scope, own, name, Component.INIT_CONTAINER, arguments, needs=needs, mounts=(mount,) if mount else ()
        )
        yield replace(unit, ports=(), probe=None)
        needs = (Need(name, Condition.COMPLETED),)
