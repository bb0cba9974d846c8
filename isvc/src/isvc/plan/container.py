"""A runtime's container and the model's own, made one; and the placeholders in it.

Source: MergeRuntimeContainers and ReplacePlaceholders in pkg/controller/v1beta1/inferenceservice/utils/utils.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from isvc.errors import Place, PlanError
from isvc.manifest.containers import Container, ContainerPort, EnvVar
from isvc.manifest.documents import Metadata, ModelSpec
from isvc.plan.defaults import ServerDefaults

T = TypeVar("T")
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def merge(runtime: Container, own: ModelSpec, defaults: ServerDefaults) -> Container:
    """Arguments are added to the runtime's; variables and ports replace those of the same key; the rest replaces."""
    return replace(
        runtime,
        image=own.image or _with_tag(runtime.image, own.runtime_version),
        command=own.command or runtime.command,
        args=(*runtime.args, *defaults.arguments, *own.args),
        env=_by_key((*runtime.env, *defaults.environment), own.env, _env_key),
        env_from=(*runtime.env_from, *own.env_from),
        ports=_by_key(runtime.ports, own.ports, _port_key),
        volume_mounts=own.volume_mounts,  # the runtimes' own are of volumes that only a pod has
        resources=own.resources or runtime.resources,
        readiness_probe=own.readiness_probe or runtime.readiness_probe,
    )


def fill(text: str, metadata: Metadata, labels: Mapping[str, str], model_format: str, place: Place) -> str:
    """`text` with its placeholders filled from the service's metadata; what is not there is `<no value>`, as in Go."""
    annotations = {**(metadata.annotations or {}), "modelFormat": model_format}
    all_labels = {**(metadata.labels or {}), **labels}

    def value(match: re.Match[str]) -> str:
        match match[1].strip().split("."):
            case ["", "Name"]:
                return metadata.name
            case ["", "Namespace"]:
                return metadata.namespace
            case ["", "Labels", key]:
                return all_labels.get(key, "<no value>")
            case ["", "Annotations", key]:
                return annotations.get(key, "<no value>")
        known = "{{.Name}}, {{.Namespace}}, {{.Labels.key}}, {{.Annotations.key}}"
        raise PlanError(f"the placeholder {match[0]} cannot be filled; known are {known}", place)

    return _PLACEHOLDER.sub(value, text)


def fill_container(container: Container, filler: Callable[[str], str]) -> Container:
    return replace(
        container,
        image=filler(container.image),
        command=tuple(map(filler, container.command)),
        args=tuple(map(filler, container.args)),
        env=tuple(replace(variable, value=filler(variable.value)) for variable in container.env),
    )


def _with_tag(image: str, version: str | None) -> str:
    """`runtimeVersion` takes the place of the tag; an image named by digest keeps it."""
    if version is None or "@" in image:
        return image
    head, slash, tail = image.rpartition("/")
    return f"{head}{slash}{tail.partition(':')[0]}:{version}"


def _by_key(base: Sequence[T], own: Sequence[T], key: Callable[[T], Hashable]) -> tuple[T, ...]:
    """A strategic merge of two lists: ours replace theirs in place, new ones are added."""
    merged = {key(item): item for item in base}
    merged.update({key(item): item for item in own})
    return tuple(merged.values())


def _env_key(variable: EnvVar) -> Hashable:
    return variable.name


def _port_key(port: ContainerPort) -> Hashable:
    return port.container_port, port.protocol
