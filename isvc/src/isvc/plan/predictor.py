"""The predictor of a service: which runtime, what KServe would run, and what runs here in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from isvc.errors import Place, PlanError
from isvc.manifest import ServingRuntime
from isvc.manifest.containers import Container
from isvc.manifest.documents import InferenceService, PredictorSpec
from isvc.manifest.rules import KSERVE_CONTAINER
from isvc.plan.component import Planned
from isvc.plan.container import fill, fill_container, merge
from isvc.plan.custom import plan_custom, pod_of, with_neighbours
from isvc.plan.defaults import WrittenModel, model_of, server_defaults
from isvc.plan.environment import Scope, Steps, all_variables
from isvc.plan.fetching import Fetch, fetch_model
from isvc.plan.names import models_of, predictor_part, unit_name
from isvc.plan.own import is_grpc, scope_path, volume_notices
from isvc.plan.pod import Pod, init_containers
from isvc.plan.resources import ignored_resources, memory_limit
from isvc.plan.selection import select, served_protocol
from isvc.plan.units import Component, Condition, Endpoint, Need, Port, Probe, Unit, Word
from isvc.plan.volumes import Mounted, mounted
from isvc.plan.words import Places, bound, flag_value, includes
from isvc.runtimes import Catalogue, Program
from isvc.settings import Settings


def plan_predictor(
    scope: Scope,
    service: InferenceService,
    spec: PredictorSpec,
    settings: Settings,
    catalogue: Catalogue,
    steps: Steps = ("spec", "predictor"),
) -> Planned:
    """A predictor of containers of its own, or the runtime for its model. Raises PlanError."""
    model = model_of(spec)
    if model is None:
        return plan_custom(scope, service, spec, settings, steps)
    path: Steps = (*steps, model.field)
    runtime = select(model.spec, service.metadata.namespace, catalogue.runtimes, _place_of_choice(scope, model, path))
    container = kserve_container(scope, model, runtime, spec, path)
    program = _program(scope, model, runtime, container, catalogue, path)
    pod = pod_of(scope, service, spec, settings, steps)
    fetch = _fetch(pod, spec, model, path)
    inits = init_containers(pod, (Need(fetch.unit.name, Condition.COMPLETED),), fetch.mount)
    before = (fetch.unit, *inits)
    volumes = mounted(scope, spec, container, path, 1, settings)
    needs = tuple(Need(one.name, Condition.COMPLETED) for one in before)
    unit = _unit(pod, container, program, fetch, volumes, needs, path)
    shown = volume_notices(volumes, scope_path(path))
    planned = Planned(
        unit=unit,
        model_name=flag_value(container.args, "--model_name") or service.metadata.name,
        before=before,
        notices=(*fetch.notices, *_notices(model, runtime, container, program), *shown),
        speaks_grpc_first=bool(container.ports) and is_grpc(container.ports[0]),
        part=predictor_part(spec.name),
    )
    return with_neighbours(pod, planned, -1, _neighbours(unit, runtime), fetch)


def kserve_container(
    scope: Scope, model: WrittenModel, runtime: ServingRuntime, spec: PredictorSpec, path: Steps
) -> Container:
    """The container that KServe would run: the runtime's and the model's, merged, placeholders filled.

    One of the same name beside the model is not merged: KServe adds it to the pod, which Kubernetes then refuses.
    """
    base = next((item for item in runtime.spec.containers if item.name == "kserve-container"), None)
    if base is None:
        message = f"the runtime {runtime.metadata.name} has no container called kserve-container; name its server so"
        raise PlanError(message, scope.document.place(*path))
    metadata = scope.metadata
    defaults = server_defaults(runtime.metadata.name, metadata.name, model.spec, served_protocol(model.spec, runtime))
    format_name = model.spec.model_format.name
    merged = merge(base, model.spec, defaults)
    beside = next((item for item in spec.containers if item.name == KSERVE_CONTAINER), None)
    if beside is not None:
        message = (
            f'Duplicate value: "{KSERVE_CONTAINER}": KServe adds it to the pod beside the runtime\'s container of that '
            f"name, and Kubernetes refuses the pod; write its fields under `{model.field}`, where they are merged"
        )
        raise PlanError(message, scope.document.place(*path[:-1], "containers", spec.containers.index(beside), "name"))
    place = scope.document.place(*path)
    return fill_container(merged, lambda text: fill(text, metadata, defaults.labels, format_name, place))


def _fetch(pod: Pod, spec: PredictorSpec, model: WrittenModel, path: Steps) -> Fetch:
    name = f"{pod.name}-storage-initializer"
    if pod.name == unit_name(pod.scope.metadata, "predictor"):
        name = unit_name(pod.scope.metadata, "storage-initializer")
    directory = models_of(predictor_part(spec.name))
    found = fetch_model(pod.scope, name, model.spec, spec.storage_uris, directory, pod.settings, (pod.steps, path))
    if found is None:
        raise PlanError(
            "storageUri is missing; write the model's address (without one KServe runs a server for many models, "
            "fed by TrainedModel, which does not run here)",
            pod.scope.document.place(*path, "storageUri"),
        )
    return found


def _neighbours(unit: Unit, runtime: ServingRuntime) -> dict[int, Endpoint]:
    """On which ports the containers of the same pod find the runtime's server."""
    found = {number: Endpoint(unit.name, name) for name, number in unit.ports}
    if runtime.metadata.name == "kserve-torchserve":
        found |= {8085: Endpoint(unit.name, "http")}  # its own port, by the examples' config.properties
    return found


def _place_of_choice(scope: Scope, model: WrittenModel, path: Steps) -> Place:
    steps = ("runtime",) if model.spec.runtime is not None else ("modelFormat",)
    return scope.document.place(*path, *steps)


def _program(
    scope: Scope,
    model: WrittenModel,
    runtime: ServingRuntime,
    container: Container,
    catalogue: Catalogue,
    path: Steps,
) -> Program:
    name = catalogue.program_names.get(runtime.metadata.name)
    if name is None:
        able = ", ".join(catalogue.program_names)
        raise PlanError(
            f"the runtime {runtime.metadata.name} (image {container.image}) cannot run on this machine yet; "
            f"what can is {able}",
            _place_of_choice(scope, model, path),
        )
    return catalogue.programs[name]


def _unit(
    pod: Pod,
    container: Container,
    program: Program,
    fetch: Fetch,
    volumes: Mounted,
    needs: tuple[Need, ...],
    path: Steps,
) -> Unit:
    scope, metadata = pod.scope, pod.scope.metadata
    place = scope.document.place(*path)
    places = Places({**fetch.paths, **(volumes.paths or {})})
    ports = _ports(container, program)
    command = [places.word(fill(text, metadata, {}, "", place), ports=True) for text in program.command]
    if program.takes_arguments:
        command += _arguments(container, program, places)
    return Unit(
        name=pod.name,
        component=Component.PREDICTOR,
        command=tuple(command),
        environment=tuple(_environment(container, program, pod, places, ports, path)),
        ports=tuple(ports.items()),
        mounts=(fetch.mount, *volumes.mounts),
        files=volumes.files,
        needs=needs,
        probe=Probe("http", program.ready),
        image=container.image,
        role=program.role,
        pod=pod.name if pod.component.containers else "",
        memory=memory_limit(container.resources, scope.document.place(*path, "resources", "limits", "memory")),
    )


def _arguments(container: Container, program: Program, places: Places) -> Iterator[Word]:
    """The container's own, for a program that knows them; and where to listen, since units share one network here."""
    flags = program.flags or {"--http_port": "http", "--grpc_port": "grpc"}
    own = container.args[1:] if container.args[:1] == program.command[:1] else container.args
    yield from bound(own, {flag: _port(name) for flag, name in flags.items()}, places.word)
    for flag, name in flags.items():
        if not includes(own, flag):
            yield from ((flag,), (Port(name),))


def _port(name: str) -> Callable[[str], Word]:
    return lambda _: (Port(name),)


def _environment(
    container: Container, program: Program, pod: Pod, places: Places, ports: Mapping[str, int], path: Steps
) -> Iterator[tuple[str, Word]]:
    values = all_variables(container, pod.scope, path) | dict(pod.variables)
    numbers = {str(number): name for name, number in ports.items()}
    for name, value in values.items():
        is_port = name.endswith("_PORT") and value in numbers
        yield name, (Port(numbers[value]),) if is_port else places.word(value)
    for name, value in (program.environment or {}).items():
        yield name, places.word(value, ports=True)


def _ports(container: Container, program: Program) -> dict[str, int]:
    """The program's ports; where the YAML declares one of the kind, with its number."""
    numbers = dict(program.ports)
    for port in reversed(container.ports):
        numbers["grpc" if is_grpc(port) else "http"] = port.container_port
    return numbers


def _notices(model: WrittenModel, runtime: ServingRuntime, container: Container, program: Program) -> Iterator[str]:
    name, spec = runtime.metadata.name, model.spec
    if not program.stands_in:
        if program.title:
            yield f"runtime: {name} -> {program.title}, for {container.image}"
        return
    stand_in = program.command[0]
    yield f"runtime: {name} -> {stand_in} (stands in for {container.image})"
    written = [
        field for field, value in (("args", spec.args), ("command", spec.command), ("image", spec.image)) if value
    ]
    if written:
        yield f"spec.predictor.{model.field}: {', '.join(written)} is for {name}, and {stand_in} does not use it"
    yield from ignored_resources(spec.resources, f"spec.predictor.{model.field}.resources")
