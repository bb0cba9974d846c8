"""A plan as a Compose model: what `docker compose` would read from compose.yaml. Pure.

Every container runs as uid 1000 on a read-only root without capabilities; only the initializer may write to the models,
only the ingress has a port on this machine, and that on 127.0.0.1.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from isvc.backends import ingress
from isvc.backends.compose import secrets
from isvc.backends.compose.site import (
    ContainerSite,
    address,
    aliases,
    mounts,
    pod_members,
    pod_owner,
    role_of,
    service_key,
    sources,
    units,
    volume_key,
    words,
)
from isvc.plan.units import Component, Condition, Directory, Folder, Mount, Plan, Probe, ServicePlan, Unit, resolve

INGRESS = "ingress"
IMAGES_PROJECT = "kserve-local-images"
ROUTES_FILE = "routes.yaml"
_ROUTES = "/etc/traefik/routes"
PYTHON_IMAGE = "python:3.11-slim-bookworm"
TRAEFIK_IMAGE = "traefik:v3"
_DEFAULT_MEMORY = {Component.STORAGE_INITIALIZER: 2**30}
_OTHERWISE = 2 * 2**30
"""KServe's defaults, in bytes (inferenceService.resource in its configmap; the injector's for the initializer)."""
_CONDITIONS = {Condition.COMPLETED: "service_completed_successfully", Condition.READY: "service_healthy"}
_HARDENED: Mapping[str, Any] = {
    "user": "1000:1000",
    "read_only": True,
    "tmpfs": ["/tmp"],  # noqa: S108 - the container's own, in memory
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "init": True,
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand on the machine that builds and mounts."""

    root: str
    """The checkout, absolute: the build context of every image of ours."""
    routes: str
    """The folder that holds the ingress' routes.yaml."""
    state: str = ""
    """The project's folder, below which the files of ConfigMaps and Secrets are."""
    secrets: str = ""
    """The folder that holds the files of `secrets`; needed where a unit has some."""
    project: str = "kserve-local"
    ingress_port: str = "${INGRESS_PORT:-8080}"
    python_image: str = f"${{PYTHON_IMAGE:-{PYTHON_IMAGE}}}"
    traefik_image: str = f"${{TRAEFIK_IMAGE:-{TRAEFIK_IMAGE}}}"
    triton_image: str = ""
    """The official image, or one like it, in the place of the one built here; empty for that."""
    relative: bool = False
    """Whether paths under `root` are written relative to it, for a compose.yaml that stands there."""

    def shown(self, path: str) -> str:
        """`path` as the file has it; a dollar sign doubled, since Compose fills in variables."""
        if self.relative and PurePosixPath(path).is_relative_to(self.root):
            below = PurePosixPath(path).relative_to(self.root)
            return "." if below == PurePosixPath() else f"./{below}"
        return _literal(path)


def render(plan: Plan, layout: Layout) -> dict[str, Any]:
    volumes: dict[str, Any] = {
        volume_key(service, mount.directory): {}
        for service, unit in units(plan)
        for mount in mounts(service, unit)
        if isinstance(mount.directory, Directory) and not mount.directory.holds_files
    }
    return {
        "name": layout.project,
        "services": {
            INGRESS: _ingress(layout),
            **{service_key(service, unit): _service(service, unit, layout) for service, unit in units(plan)},
        },
        **({"volumes": volumes} if volumes else {}),
    }


def routes(plan: Plan) -> dict[str, Any]:
    """The ingress' routes.yaml."""
    own = [ingress.service_routes(service, partial(address, service)) for service in plan.services]
    return ingress.merged(*own, ingress.shared())


def stale(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Services to be made anew though they are as they were, since what they wait for is not.

    They hold what the old initializer fetched, or have in mind the address of an old container: it may be another's
    now, and a caller that connects to it again would be answered by the wrong server.
    """
    old, new = before.get("services", {}), after["services"]
    fresh = {key for key, service in new.items() if key in old and old[key] != service}
    found = []
    for key, service in new.items():  # in the order in which they start
        if key in old and fresh.intersection(service.get("depends_on", {})):
            found.append(key)
            fresh.add(key)
    return found


def _service(service: ServicePlan, unit: Unit, layout: Layout) -> dict[str, Any]:
    image = _image(unit, layout)
    said = words(service, unit, pulled="build" not in image)
    model: dict[str, Any] = {
        **image,
        **_command(unit, [_literal(word) for word in said]),
        "environment": _environment(service, unit, layout),
        **_network(service, unit),
        "volumes": [
            *_source_mounts(unit, layout),
            *_mounts(service, unit, layout),
            *_secret_mounts(service, unit, layout),
        ],
        "depends_on": _depends_on(service, unit),
        "healthcheck": _healthcheck(unit, unit.probe) if unit.probe and unit.probe.port else {},
        **_HARDENED,
        "mem_limit": _size(unit.memory or _DEFAULT_MEMORY.get(unit.component, _OTHERWISE)),
        "restart": "unless-stopped" if unit.probe else "no",
    }
    return {key: value for key, value in model.items() if value not in ({}, [])}


def _image(unit: Unit, layout: Layout) -> dict[str, Any]:
    """Built here where the unit has a folder or is a program of ours; else pulled, by the name KServe would use."""
    if unit.role == "triton" and layout.triton_image:
        return {"image": _literal(layout.triton_image)}
    role = role_of(unit)
    folder = unit.folder or (f"{layout.root}/{role}" if role else None)
    if folder is None:
        return {"image": _literal(unit.image)}
    path = PurePosixPath(folder)
    inside = path.is_relative_to(layout.root)
    return {
        "image": f"kserve-local/{_image_name(path, layout.root)}",
        "build": {
            "context": layout.shown(layout.root if inside else folder),
            "dockerfile": f"{path.relative_to(layout.root)}/Dockerfile" if inside else "Dockerfile",
            "args": {"PYTHON_IMAGE": layout.python_image},
        },
    }


def _image_name(folder: PurePosixPath, root: str) -> str:
    """After the folder's place in the checkout; one elsewhere is told apart from others that are called like it."""
    if folder.is_relative_to(root):
        words, mark = folder.relative_to(root).parts, ""
    else:
        words, mark = (folder.name,), f"-{hashlib.sha256(str(folder).encode()).hexdigest()[:6]}"
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-") + mark


def _command(unit: Unit, words: list[str]) -> dict[str, Any]:
    if unit.role:
        return {"command": words}  # the image's own entrypoint knows where the program is
    return {"entrypoint": words[:1], "command": words[1:]}


def _environment(service: ServicePlan, unit: Unit, layout: Layout) -> dict[str, str]:
    site = ContainerSite(service, unit)
    plain = {name: _literal(resolve(word, unit, site)) for name, word in unit.environment}
    return {**plain, **({secrets.VARIABLE: secrets.target(service, unit, layout.secrets)} if unit.secrets else {})}


def _source_mounts(unit: Unit, layout: Layout) -> list[dict[str, Any]]:
    return [_bound(layout.shown(folder.location), target) for folder, target in sources(unit).items()]


def _secret_mounts(service: ServicePlan, unit: Unit, layout: Layout) -> list[dict[str, Any]]:
    """Not Compose's own `secrets`: what these are filled from would stand in the file, or in this environment."""
    if not unit.secrets:
        return []
    file = f"{layout.secrets}/{secrets.name(service, unit, layout.secrets)}"
    return [_bound(layout.shown(file), secrets.target(service, unit, layout.secrets))]


def _bound(source: str, target: str, *, read_only: bool = True) -> dict[str, Any]:
    # A folder that is not there is an error, not a new folder of root's.
    never_made = {"create_host_path": False}
    shown = {"read_only": True} if read_only else {}
    return {"type": "bind", "source": source, "target": target, **shown, "bind": never_made}


def _mounts(service: ServicePlan, unit: Unit, layout: Layout) -> list[dict[str, Any]]:
    return [_mount(service, mount, layout) for mount in mounts(service, unit)]


def _mount(service: ServicePlan, mount: Mount, layout: Layout) -> dict[str, Any]:
    if isinstance(mount.directory, Folder):
        return _bound(layout.shown(mount.directory.location), mount.path, read_only=mount.read_only)
    if mount.directory.holds_files:
        place = f"{layout.state}/{service.namespace}/{service.name}/{mount.directory.name}"
        return _bound(layout.shown(place), mount.path)
    read_only = {"read_only": True} if mount.read_only else {}
    return {"type": "volume", "source": volume_key(service, mount.directory), "target": mount.path, **read_only}


def _depends_on(service: ServicePlan, unit: Unit) -> dict[str, Any]:
    others = {other.name: other for other in service.units}
    return {
        service_key(service, others[need.unit]): {"condition": _condition(need.condition, others[need.unit])}
        for need in unit.needs
    }


def _condition(condition: Condition, needed: Unit) -> str:
    """A program that serves nobody has no health to ask for: that it runs is all there is to wait for."""
    if condition is Condition.READY and not (needed.probe and needed.probe.port):
        return "service_started"
    return _CONDITIONS[condition]


def _network(service: ServicePlan, unit: Unit) -> dict[str, Any]:
    """Containers of one pod share the network of one of them, which answers to the names of all."""
    owner = pod_owner(service, unit)
    if owner is not unit:
        return {"network_mode": f"service:{service_key(service, owner)}"}
    names = [name for member in pod_members(service, unit) for name in aliases(service, member)]
    return {"networks": {"default": {"aliases": names}}} if names else {}


def _healthcheck(unit: Unit, probe: Probe) -> dict[str, Any]:
    number = dict(unit.ports)[probe.port]
    if probe.path is None:
        check = f"import socket; socket.create_connection(('127.0.0.1', {number}), 2)"
    else:
        check = (
            f"import http.client as h; c = h.HTTPConnection('127.0.0.1', {number}, timeout=2); "
            f"c.request('GET', '{probe.path}'); raise SystemExit(c.getresponse().status != 200)"
        )
    # -I and -S: a probe that costs little. Failures count once the unit has had time to load its model.
    return _every("3s", ["CMD", "python3", "-ISc", check])


def _every(interval: str, test: list[str]) -> dict[str, Any]:
    return {"test": test, "interval": interval, "timeout": "5s", "retries": 3, "start_period": "120s"}


def _ingress(layout: Layout) -> dict[str, Any]:
    return {
        "image": layout.traefik_image,
        "command": [*ingress.static_arguments(":8000", _ROUTES), "--ping=true"],
        "ports": [f"127.0.0.1:{layout.ingress_port}:8000"],
        "volumes": [_bound(layout.shown(layout.routes), _ROUTES)],
        "healthcheck": _every("5s", ["CMD", "traefik", "healthcheck", "--ping=true"]),
        **_HARDENED,
        "mem_limit": "512m",
        "restart": "unless-stopped",
    }


def _literal(text: str) -> str:
    """`text` as Compose must be given it, so that `$` stays a dollar sign."""
    return text.replace("$", "$$")


def _size(number: int) -> str:
    """Bytes as Compose writes them: `2g`, `512m`."""
    for unit, factor in (("g", 2**30), ("m", 2**20), ("k", 2**10)):
        if number % factor == 0:
            return f"{number // factor}{unit}"
    return f"{number}b"


def images(model: Mapping[str, Any]) -> dict[str, Any]:
    """The Compose model that builds each image of `model` once, always under the same names.

    Compose labels an image with the project and the service that it was built for: built for several, one image would
    be another one each time, and containers of it would be made anew.
    """
    built = {container["image"]: container["build"] for container in model["services"].values() if "build" in container}
    services = {
        re.sub(r"[^a-z0-9]+", "-", image.lower()).strip("-"): {"image": image, "build": build}
        for image, build in sorted(built.items())
    }
    return {"name": IMAGES_PROJECT, "services": services}
