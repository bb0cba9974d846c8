"""The volumes that a container mounts: folders of this machine or of the pod, ConfigMaps and Secrets as files."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from isvc.errors import Place, PlanError
from isvc.manifest.containers import ConfigMapVolume, Container, KeyToPath, SecretVolume, Volume, VolumeMount
from isvc.manifest.documents import ComponentFields
from isvc.manifest.nodes import nearest
from isvc.plan.environment import Scope, Steps, contents
from isvc.plan.storage import source
from isvc.plan.units import FILES, Directory, File, Files, Folder, Mount
from isvc.settings import Settings

_PLAIN, _SECRET = 0o444, 0o400
"""Nobody may write to a file of a ConfigMap or a Secret, whatever its mode says; a Secret is for its owner alone."""


@dataclass(frozen=True, slots=True)
class Mounted:
    mounts: tuple[Mount, ...] = ()
    paths: Mapping[str, Directory | Folder] | None = None
    """Where each path in the container leads."""
    files: tuple[Files, ...] = ()
    """What has to be written, for volumes of ConfigMaps and Secrets."""


@dataclass(frozen=True, slots=True)
class _Volumes:
    scope: Scope
    component: ComponentFields
    steps: Steps
    """To the component."""
    settings: Settings

    def place(self, *steps: str | int) -> Place:
        return self.scope.document.place(*self.steps, *steps)

    @property
    def owner(self) -> str:
        """Pods do not share volumes that are called alike."""
        return "-".join(str(step) for step in self.steps if step != "spec")


def mounted(
    scope: Scope, component: ComponentFields, container: Container, steps: Steps, below: int, settings: Settings
) -> Mounted:
    """What `container` at `steps` mounts; its component is `below` steps nearer to the root. Raises PlanError."""
    volumes = _Volumes(scope, component, steps[:-below], settings)
    declared = {volume.name: index for index, volume in enumerate(component.volumes)}
    paths: dict[str, Directory | Folder] = {}
    mounts: list[Mount] = []
    files: list[Files] = []
    for number, mount in enumerate(container.volume_mounts):
        if mount.name not in declared:
            message = f"there is no volume {mount.name}; the component has {', '.join(declared) or 'none'}"
            raise PlanError(message, scope.document.place(*steps, "volumeMounts", number, "name"))
        index = declared[mount.name]
        volume = component.volumes[index]
        written = _files(volumes, volume, index)
        place = _place(volumes, volume, index, mount)
        paths[mount.mount_path] = place
        mounts.append(Mount(place, mount.mount_path, mount.read_only or written is not None))
        files += [written] if written is not None and written not in files else []
    return Mounted(tuple(mounts), paths, tuple(files))


def _place(volumes: _Volumes, volume: Volume, index: int, mount: VolumeMount) -> Directory | Folder:
    below = f"/{mount.sub_path.strip('/')}" if mount.sub_path else ""
    if volume.host_path is not None:
        return Folder(f"{volume.host_path.path.rstrip('/')}{below}")
    if volume.persistent_volume_claim is not None:
        place = volumes.place("volumes", index, "persistentVolumeClaim")
        name = volume.persistent_volume_claim.claim_name
        location = source(f"pvc://{name}{below}", volumes.settings, place).location
        if not isinstance(location, Folder):
            raise PlanError("isvc.yaml maps the claim to an address; a volume has to be a folder", place)
        return location
    if volume.config_map is not None or volume.secret is not None:
        return Directory(f"{FILES}/{volumes.owner}-{volume.name}{below}")
    return Directory(f"volume-{volumes.owner}-{volume.name}{below.replace('/', '-')}")


def _files(volumes: _Volumes, volume: Volume, index: int) -> Files | None:
    told: ConfigMapVolume | SecretVolume
    if volume.config_map is not None:
        kind, field, name, told, usual = "ConfigMap", "configMap", volume.config_map.name, volume.config_map, _PLAIN
    elif volume.secret is not None:
        kind, field, name, told, usual = "Secret", "secret", volume.secret.secret_name, volume.secret, _SECRET
    else:
        return None
    found = contents(kind, name, volumes.scope)
    place = volumes.place("volumes", index, field)
    if found is None and not told.optional:
        namespace = volumes.scope.metadata.namespace
        raise PlanError(f"there is no {kind} {namespace}/{name}; add it to the files given", place)
    items = told.items or tuple(KeyToPath(key=key, path=key) for key in found or {})
    mode = _mode(told.default_mode, usual)
    files = _written(found or {}, items, mode, f"{kind} {name}", place, optional=told.optional)
    return Files(Directory(f"{FILES}/{volumes.owner}-{volume.name}"), tuple(files))


def _written(
    found: Mapping[str, bytes], items: tuple[KeyToPath, ...], mode: int, what: str, place: Place, *, optional: bool
) -> Iterator[File]:
    for item in items:
        if item.key not in found:
            if optional:
                continue
            similar = nearest(item.key, found)
            mend = f"did you mean {similar}?" if similar else f"it has {', '.join(found) or 'none'}"
            raise PlanError(f"the {what} has no key {item.key}; {mend}", place)
        path = PurePosixPath(item.path)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise PlanError(f"{item.path} is no path below the volume; write one without a leading / and ..", place)
        yield File(str(path), base64.b64encode(found[item.key]).decode(), _mode(item.mode, mode))


def _mode(asked: int | None, usual: int) -> int:
    """Read and execute as asked, and nobody writes; the usual one where the YAML says none."""
    return usual if asked is None else asked & 0o555 | 0o400
