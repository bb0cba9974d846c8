"""The containers that KServe would run for a service: its YAML completed by the controller and the webhooks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from isvc.manifest import Document, InferenceService
from isvc.manifest import containers as core
from isvc.manifest.documents import ComponentFields, PredictorSpec, TransformerSpec
from isvc.manifest.rules import KSERVE_CONTAINER, TRANSFORMER_CONTAINER
from isvc.manifest.rules_storage import common_parent
from isvc.plan.container import fill, fill_container
from isvc.plan.defaults import WrittenModel, model_of, server_defaults
from isvc.plan.environment import Scope, Steps, all_variables
from isvc.plan.names import predictor_host, predictor_part
from isvc.plan.own import is_grpc
from isvc.plan.predictor import kserve_container
from isvc.plan.selection import select, served_protocol
from isvc.plan.words import MODELS_PATH, includes
from isvc.runtimes import Catalogue


@dataclass(frozen=True, slots=True)
class Item:
    """One argument (a flag with its value), variable, mount or port."""

    text: str
    rule: str = "written"
    """Key of the rule that put it there."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container, as it would run or as it runs."""

    component: str
    name: str
    image: str
    command: tuple[str, ...]
    arguments: tuple[Item, ...]
    variables: tuple[tuple[str, Item], ...]
    mounts: tuple[Item, ...]
    ports: tuple[Item, ...]
    probe: Item
    runtime: str = ""
    image_rule: str = "written"


def containers(scope: Scope, service: InferenceService, catalogue: Catalogue) -> tuple[Container, ...]:
    """Of the predictor, then of the transformer. Raises PlanError."""
    spec = service.spec
    found = list(_predictor(scope, service, spec.predictor, catalogue, ("spec", "predictor")))
    for index, canary in enumerate(spec.canary):
        steps: Steps = ("spec", "canary", index, "predictor")
        found += _predictor(scope, service, canary.predictor, catalogue, steps)
    if spec.transformer is not None:
        found += _transformer(scope, service, spec.transformer)
    return tuple(found)


def _transformer(scope: Scope, service: InferenceService, spec: TransformerSpec) -> Iterator[Container]:
    steps: Steps = ("spec", "transformer", "containers")
    for index, container in enumerate(spec.containers):
        first = index == 0
        arguments = [*_flags(container.args), *(_injected(service, spec, container.args) if first else ())]
        values = _variables(container, scope, (*steps, index))
        mounts: list[Item] = []
        if first:
            values["INFERENCE_SERVICE_NAME"] = Item(service.metadata.name, "service-name")
            mounts = _model_mounts(spec, "STORAGE_URI" in values)
            _rewrite(values, spec)
        yield Container(
            "transformer",
            KSERVE_CONTAINER if first else container.name,
            container.image,
            container.command,
            tuple(arguments),
            tuple(values.items()),
            (*mounts, *_volume_mounts(container)),
            _ports(container),
            _probe(container),
        )


def _injected(service: InferenceService, spec: TransformerSpec, written: Sequence[str]) -> Iterator[Item]:
    host = predictor_host(service.metadata, service.spec.predictor.name)
    added = [
        ("--model_name", service.metadata.name, "model-name"),
        ("--predictor_host", host, "predictor-host"),
        ("--http_port", "8080", "http-port"),
    ]
    if spec.container_concurrency is not None:
        added.append(("--workers", str(spec.container_concurrency), "workers"))
    for flag, value, rule in added:
        if not includes(written, flag):
            yield Item(f"{flag} {value}", rule)


def _predictor(
    scope: Scope, service: InferenceService, spec: PredictorSpec, catalogue: Catalogue, steps: Steps
) -> Iterator[Container]:
    model = model_of(spec)
    if model is not None:
        yield _of_runtime(scope, service, spec, model, catalogue, (*steps, model.field))
    for index, container in enumerate(spec.containers):
        yield _own(scope, service, spec, container, (*steps, "containers", index), alone=len(spec.containers) == 1)


def _own(
    scope: Scope,
    service: InferenceService,
    spec: PredictorSpec,
    container: core.Container,
    steps: Steps,
    *,
    alone: bool,
) -> Container:
    """A container of the user's own in a predictor: nothing is added to its arguments."""
    values = _variables(container, scope, steps)
    values["INFERENCE_SERVICE_NAME"] = Item(service.metadata.name, "service-name-predictor")
    is_main = container.name == KSERVE_CONTAINER or (alone and model_of(spec) is None)
    fetches = _fetches(spec)
    mounts = _model_mounts(spec, fetches) if is_main or container.name == TRANSFORMER_CONTAINER else []
    if is_main:
        _rewrite(values, spec)
    return Container(
        predictor_part(spec.name),
        KSERVE_CONTAINER if is_main else container.name,
        container.image,
        container.command,
        tuple(_flags(container.args)),
        tuple(values.items()),
        (*mounts, *_volume_mounts(container)),
        _ports(container),
        _probe(container),
    )


def _of_runtime(
    scope: Scope,
    service: InferenceService,
    spec: PredictorSpec,
    model: WrittenModel,
    catalogue: Catalogue,
    path: Steps,
) -> Container:
    place = scope.document.place(*path, "modelFormat")
    runtime = select(model.spec, service.metadata.namespace, catalogue.runtimes, place)
    merged = kserve_container(scope, model, runtime, spec, path)
    base = next(one for one in runtime.spec.containers if one.name == KSERVE_CONTAINER)
    name, protocol = runtime.metadata.name, served_protocol(model.spec, runtime)
    defaults = server_defaults(name, service.metadata.name, model.spec, protocol)
    filled = fill_container(
        base, lambda text: fill(text, scope.metadata, defaults.labels, model.spec.model_format.name, place)
    )
    values = _variables(merged, scope, path)
    own = {variable.name for variable in model.spec.env}
    of_server = {variable.name for variable in defaults.environment}
    for key, item in values.items():
        if key not in own:
            values[key] = replace(item, rule="server-default" if key in of_server else "runtime-variable")
    values["INFERENCE_SERVICE_NAME"] = Item(service.metadata.name, "service-name-predictor")
    count = len(base.args)
    arguments = [
        *(_by_runtime(item, base.args) for item in _flags(filled.args)),
        *(Item(text, "server-default") for text in defaults.arguments),
        *_flags(merged.args[count + len(defaults.arguments) :]),
    ]
    return Container(
        predictor_part(spec.name),
        KSERVE_CONTAINER,
        merged.image,
        merged.command,
        tuple(arguments),
        tuple(values.items()),
        (*_model_mounts(spec, True), *_volume_mounts(merged)),
        _ports(merged),
        _probe(merged),
        runtime=name,
        image_rule="written" if model.spec.image else "runtime-image",
    )


def _by_runtime(item: Item, base: Sequence[str]) -> Item:
    """Of the runtime; of its placeholders, if it does not stand there as it is."""
    parts = item.text.split(" ", 1)
    return replace(item, rule="runtime-argument" if all(part in base for part in parts) else "placeholder")


def _flags(arguments: Sequence[str]) -> Iterator[Item]:
    """A flag and its value are one item, however they were written."""
    pending = ""
    for argument in arguments:
        if pending and not argument.startswith("-"):
            yield Item(f"{pending} {argument}")
            pending = ""
            continue
        if pending:
            yield Item(pending)
        pending = argument if argument.startswith("-") and "=" not in argument else ""
        if not pending:
            yield Item(argument)
    if pending:
        yield Item(pending)


def _variables(container: core.Container, scope: Scope, steps: Steps) -> dict[str, Item]:
    return {name: Item(value) for name, value in all_variables(container, scope, steps).items()}


def _rewrite(values: dict[str, Item], spec: ComponentFields) -> None:
    if "STORAGE_URI" in values and not spec.storage_uris:
        values["STORAGE_URI"] = Item(MODELS_PATH, "storage-uri")


def _fetches(spec: PredictorSpec) -> bool:
    names = (variable.name for container in spec.containers for variable in container.env)
    return bool(model_of(spec) or spec.storage_uris) or "STORAGE_URI" in names


def _model_mounts(spec: ComponentFields, fetches: bool) -> list[Item]:
    if spec.storage_uris:
        return [Item(common_parent([uri.mount_path for uri in spec.storage_uris]), "storage-uris")]
    return [Item(MODELS_PATH, "models")] if fetches else []


def _volume_mounts(container: core.Container) -> Iterator[Item]:
    for mount in container.volume_mounts:
        yield Item(mount.mount_path)


def _ports(container: core.Container) -> tuple[Item, ...]:
    """Which port of the Service leads where."""
    if not container.ports:
        return (Item("80 -> 8080", "port-80"),)
    first, *others = container.ports
    kind = " (h2c)" if is_grpc(first) else ""
    return (
        Item(f"80 -> {first.container_port}{kind}", "port-80"),
        *(Item(f"{port.container_port} -> {port.container_port}", "port-80") for port in others),
    )


def _probe(container: core.Container) -> Item:
    written = container.readiness_probe
    if written is not None and written.http_get is not None:
        return Item(f"GET {written.http_get.path}")
    number = container.ports[0].container_port if container.ports else 8080
    return Item(f"TCP {number}", "probe")


def scope_of(document: Document, documents: Sequence[Document]) -> Scope:
    return Scope(document, documents)


def as_plain(container: Container) -> Mapping[str, object]:
    """For tests and `-o json`: texts only."""
    return {
        "component": container.component,
        "container": container.name,
        "image": container.image,
        "runtime": container.runtime,
        "command": list(container.command),
        "arguments": [item.text for item in container.arguments],
        "variables": {name: item.text for name, item in container.variables},
        "mounts": [item.text for item in container.mounts],
        "ports": [item.text for item in container.ports],
        "probe": container.probe.text,
    }
