"""A predictor of the user's own containers, alone or with its transformer in the same pod.

Source: pkg/apis/serving/v1beta1/predictor_custom.go (GetContainer), components/predictor.go. KServe adds no arguments
to these containers, and INFERENCE_SERVICE_NAME to all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from isvc.manifest.documents import InferenceService, PredictorSpec
from isvc.manifest.rules import KSERVE_CONTAINER, TRANSFORMER_CONTAINER
from isvc.plan.component import Planned
from isvc.plan.environment import Scope, Steps
from isvc.plan.fetching import Fetch, fetch_one, fetch_several
from isvc.plan.names import models_of, predictor_part, unit_name
from isvc.plan.own import (
    Own,
    image_notices,
    is_grpc,
    numbers,
    port_arguments,
    server_unit,
    written_arguments,
)
from isvc.plan.pod import Pod, init_containers, sidecar_notices, sidecars
from isvc.plan.units import Component, Condition, Endpoint, Need, Unit
from isvc.plan.words import MODELS_PATH, Places, flag_value
from isvc.settings import Settings


def plan_custom(
    scope: Scope, service: InferenceService, spec: PredictorSpec, settings: Settings, steps: Steps
) -> Planned:
    """Raises PlanError."""
    pod = pod_of(scope, service, spec, settings, steps)
    main = _main(spec)
    fetch = _fetch(pod, main, spec)
    own = pod.read(spec.containers[main], main, mount=fetch.mount if fetch else None)
    if fetch is not None and "STORAGE_URI" in own.variables and not spec.storage_uris:
        own = replace(own, variables={**own.variables, "STORAGE_URI": MODELS_PATH})
    before = _before(pod, fetch)
    needs = tuple(Need(unit.name, Condition.COMPLETED) for unit in before)
    together = len(spec.containers) > 1
    neighbours = numbers(own, pod.name) if together else {}
    unit = _unit(pod, own, fetch, needs, together)
    planned = Planned(
        unit=unit,
        model_name=flag_value(own.arguments, "--model_name") or service.metadata.name,
        before=before,
        notices=(*(fetch.notices if fetch else ()), *image_notices(own), *_notices(own)),
        speaks_grpc_first=bool(own.container.ports) and is_grpc(own.container.ports[0]),
        part=predictor_part(spec.name),
    )
    return with_neighbours(pod, planned, main, neighbours, fetch)


def pod_of(scope: Scope, service: InferenceService, spec: PredictorSpec, settings: Settings, steps: Steps) -> Pod:
    name = unit_name(service.metadata, predictor_part(spec.name))
    return Pod(scope, spec, name, settings, {"INFERENCE_SERVICE_NAME": service.metadata.name}, steps)


def with_neighbours(
    pod: Pod, planned: Planned, main: int, neighbours: Mapping[int, Endpoint], fetch: Fetch | None
) -> Planned:
    """`planned` with the other containers of its pod; of a collocated pair the transformer is what callers reach."""
    if len(pod.component.containers) - (main >= 0) == 0:
        return planned
    needs = tuple(Need(unit.name, Condition.COMPLETED) for unit in planned.before)
    others = tuple(sidecars(pod, main, needs, neighbours))
    notices = (*planned.notices, *sidecar_notices(pod, main))
    planned = replace(planned, beside=others, notices=notices)
    index = next((i for i, one in enumerate(pod.component.containers) if one.name == TRANSFORMER_CONTAINER), None)
    if index is None:
        return planned
    return _collocated(pod, planned, index, neighbours, fetch)


def _collocated(
    pod: Pod, planned: Planned, index: int, neighbours: Mapping[int, Endpoint], fetch: Fetch | None
) -> Planned:
    """The transformer takes the component's place; the model is mounted into it too."""
    container = pod.component.containers[index]
    own = pod.read(container, index, mount=fetch.mount if fetch else None)
    places = Places(own.paths, neighbours)
    arguments = (*written_arguments(own, places), *port_arguments(own, places))
    name = f"{pod.name}-{TRANSFORMER_CONTAINER}"
    unit = server_unit(
        pod.scope,
        own,
        name,
        Component.TRANSFORMER,
        arguments,
        needs=(Need(planned.unit.name, Condition.READY),),
        mounts=(fetch.mount,) if fetch else (),
        pod=pod.name,
        neighbours=neighbours,
    )
    beside = (planned.unit, *(other for other in planned.beside if other.name != name))
    return replace(
        planned,
        unit=unit,
        beside=beside,
        model_name=flag_value(own.arguments, "--model_name") or pod.scope.metadata.name,
        speaks_grpc_first=bool(container.ports) and is_grpc(container.ports[0]),
    )


def _main(spec: PredictorSpec) -> int:
    """A single container is the server, whatever it is called."""
    names = [container.name for container in spec.containers]
    return names.index(KSERVE_CONTAINER) if len(names) > 1 else 0


def _fetch(pod: Pod, main: int, spec: PredictorSpec) -> Fetch | None:
    name = f"{pod.name}-storage-initializer" if spec.name else unit_name(pod.scope.metadata, "storage-initializer")
    if spec.storage_uris:
        return fetch_several(
            pod.scope, name, spec.storage_uris, models_of(predictor_part(spec.name)), pod.settings, pod.steps
        )
    for number, variable in enumerate(spec.containers[main].env):
        if variable.name == "STORAGE_URI" and variable.value:
            place = pod.scope.document.place(*pod.steps, "containers", main, "env", number)
            return fetch_one(pod.scope, name, variable.value, models_of(predictor_part(spec.name)), pod.settings, place)
    return None


def _before(pod: Pod, fetch: Fetch | None) -> tuple[Unit, ...]:
    fetching = (fetch.unit,) if fetch else ()
    needs = tuple(Need(unit.name, Condition.COMPLETED) for unit in fetching)
    return (*fetching, *init_containers(pod, needs, fetch.mount if fetch else None))


def _unit(pod: Pod, own: Own, fetch: Fetch | None, needs: tuple[Need, ...], together: bool) -> Unit:
    places = Places(own.paths)
    arguments = (*written_arguments(own, places), *port_arguments(own, places))
    return server_unit(
        pod.scope,
        own,
        pod.name,
        Component.PREDICTOR,
        arguments,
        needs=needs,
        mounts=(fetch.mount,) if fetch else (),
        pod=pod.name if together else "",
    )


def _notices(own: Own) -> Iterator[str]:
    added = [text for text in own.mapping.arguments if text.startswith("-") and text not in own.arguments]
    if added:
        yield f"{' '.join(added)} added to the predictor's arguments: units share one network here"
