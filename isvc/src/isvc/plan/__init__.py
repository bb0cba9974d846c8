"""Documents -> Plan: what has to run, as KServe's controller would have it. Pure; no file, no socket, no clock.

`defaults`, `selection` and `container` are the controller's steps; `predictor`, `custom` and `transformer` take them in
order, `own` and `pod` for the user's own containers; `agent` and `copies` add to a component; `hosts`, `cluster`,
`storage`, `fetching`, `credentials`, `images`, `environment` and `resources` answer one question each; `words` leaves
places open, and `component` and `units` are what comes out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from isvc import runtimes
from isvc.errors import PlanError
from isvc.manifest import Document, InferenceService, ServingRuntime
from isvc.manifest.documents import CanarySpec, ComponentFields
from isvc.plan.agent import needs_sink, sink, with_agent
from isvc.plan.cluster import Cluster, cluster
from isvc.plan.component import Planned
from isvc.plan.copies import cluster_address, copies, copy_notices
from isvc.plan.credentials import with_credentials
from isvc.plan.environment import Scope
from isvc.plan.hosts import host, is_cluster_local, mode, path
from isvc.plan.names import unit_name
from isvc.plan.predictor import plan_predictor
from isvc.plan.transformer import plan_transformer
from isvc.plan.units import Endpoint, Plan, Route, ServicePlan, Share, Unit
from isvc.runtimes import Catalogue
from isvc.settings import Settings

__all__ = ["build"]

_STOP = "serving.kserve.io/stop"


def build(documents: Sequence[Document], settings: Settings, *, catalogue: Catalogue | None = None) -> Plan:
    """The plan for all InferenceServices in `documents`. Raises PlanError.

    `catalogue` is what the cluster has of runtimes, KServe's own by default.
    """
    known = _with_own(catalogue or runtimes.load(), documents)
    services = [document for document in documents if isinstance(document.resource, InferenceService)]
    if not services:
        place = documents[0].source.place if documents else None
        raise PlanError("there is no InferenceService in what was given; add one", place)
    plans = tuple(
        _service(Scope(document, documents), document.resource, settings, known)
        for document in services
        if isinstance(document.resource, InferenceService)
    )
    _check_hosts(plans, services)
    return Plan(plans)


def _with_own(catalogue: Catalogue, documents: Sequence[Document]) -> Catalogue:
    """The catalogue with the runtimes of the documents; one of the same name as a built-in replaces it."""
    own = [document.resource for document in documents if isinstance(document.resource, ServingRuntime)]
    replaced = {runtime.metadata.name for runtime in own if runtime.cluster_wide}
    kept = [runtime for runtime in catalogue.runtimes if runtime.metadata.name not in replaced]
    return replace(catalogue, runtimes=(*kept, *own))


def _service(scope: Scope, service: InferenceService, settings: Settings, known: Catalogue) -> ServicePlan:
    setting = cluster(scope.documents)
    metadata, spec = service.metadata, service.spec
    if metadata.annotation(_STOP).lower() == "true":
        return _stopped(scope, service, setting)
    predictor = with_credentials(plan_predictor(scope, service, spec.predictor, settings, known), spec.predictor, scope)
    predictor = with_agent(predictor, spec.predictor, metadata, "predictor", _limit(scope, spec.predictor, setting))
    canaries = [
        with_credentials(
            plan_predictor(scope, service, canary.predictor, settings, known, ("spec", "canary", index, "predictor")),
            canary.predictor,
            scope,
        )
        for index, canary in enumerate(spec.canary)
    ]
    parts: list[tuple[Planned, ComponentFields]] = [(predictor, spec.predictor)]
    addresses: tuple[Unit, ...] = ()
    if spec.transformer is not None:
        called, addresses = _as_called(predictor, spec.predictor)
        transformer = plan_transformer(scope, service, spec.transformer, called, settings)
        transformer = with_credentials(transformer, spec.transformer, scope)
        parts.append((with_agent(transformer, spec.transformer, metadata, "transformer"), spec.transformer))
    front = parts[-1][0]
    shares = () if spec.transformer else _shares(canaries, spec.canary)
    copied = {planned.unit.name: copies(planned, fields) for planned, fields in parts}
    sinks = (sink(metadata),) if needs_sink(spec.predictor) or needs_sink(spec.transformer) else ()
    return ServicePlan(
        name=metadata.name,
        namespace=metadata.namespace,
        units=tuple(_units([*parts, *((canary, None) for canary in canaries)], copied, sinks, addresses)),
        route=_top_route(scope, front, parts[-1][1], setting, shares),
        model_name=front.model_name,
        notices=tuple(_notices(scope, service, parts, canaries)),
        warmup=str(scope.document.warmup) if scope.document.warmup else None,
        component_routes=tuple(_component_routes(scope, parts, setting)),
        copies=tuple((name, tuple(unit.name for unit in units)) for name, units in copied.items() if units),
    )


def _as_called(predictor: Planned, fields: ComponentFields) -> tuple[Planned, tuple[Unit, ...]]:
    """The predictor as a transformer calls it, and the unit at that address where it is not the predictor's own."""
    others = copies(predictor, fields)
    if not others:
        return predictor, ()
    address = cluster_address(predictor, others)
    return replace(predictor, unit=address), (address,)


def _limit(scope: Scope, fields: ComponentFields, setting: Cluster) -> int | None:
    """How many requests Knative's queue-proxy lets through at once; Standard mode has none."""
    return fields.container_concurrency if mode(scope.document, setting) == "Knative" else None


def _stopped(scope: Scope, service: InferenceService, setting: Cluster) -> ServicePlan:
    nowhere = Endpoint(unit_name(service.metadata, "predictor"), "http")
    return ServicePlan(
        name=service.metadata.name,
        namespace=service.metadata.namespace,
        units=(),
        route=Route((host(scope.document, setting),), nowhere, None),
        model_name=service.metadata.name,
        notices=(f"{service.metadata.name} is stopped ({_STOP}): nothing of it runs",),
        stopped=True,
    )


def _units(
    parts: Sequence[tuple[Planned, ComponentFields | None]],
    copied: Mapping[str, tuple[Unit, ...]],
    sinks: tuple[Unit, ...],
    addresses: tuple[Unit, ...],
) -> Iterator[Unit]:
    """What ends first, then the servers, each behind what it calls."""
    yield from (unit for planned, _ in parts for unit in planned.before)
    yield from sinks
    for planned, _ in parts:
        yield from planned.units[len(planned.before) :]
        yield from copied.get(planned.unit.name, ())
        yield from addresses if planned.part.endswith("predictor") else ()


def _top_route(
    scope: Scope, front: Planned, fields: ComponentFields, setting: Cluster, shares: tuple[Share, ...]
) -> Route:
    return Route(
        (host(scope.document, setting),),
        front.rest,
        front.grpc,
        timeout=fields.timeout,
        canaries=shares,
        path=path(scope.document, setting),
        path_host=setting.ingress_domain if path(scope.document, setting) else "",
    )


def _component_routes(
    scope: Scope, parts: Sequence[tuple[Planned, ComponentFields]], setting: Cluster
) -> Iterator[Route]:
    for planned, fields in parts:
        yield Route((host(scope.document, setting, planned.part),), planned.rest, planned.grpc, timeout=fields.timeout)


def _shares(canaries: Sequence[Planned], specs: Sequence[CanarySpec]) -> tuple[Share, ...]:
    return tuple(
        Share(planned.rest, planned.grpc, spec.traffic_percent or 0)
        for planned, spec in zip(canaries, specs, strict=True)
    )


def _notices(
    scope: Scope,
    service: InferenceService,
    parts: Sequence[tuple[Planned, ComponentFields]],
    canaries: Sequence[Planned],
) -> Iterator[str]:
    for planned in (*(planned for planned, _ in parts), *canaries):
        yield from planned.notices
    for number, (planned, fields) in enumerate(parts):
        part = "transformer" if number else "predictor"
        yield from copy_notices(planned, fields, f"spec.{part}", behind=number < len(parts) - 1)
    if canaries and service.spec.transformer is not None:
        yield "spec.canary: the transformer calls the stable predictor: no request reaches a canary, as in KServe"
    yield from map(str, scope.document.notices)
    if service.spec.predictor.container_concurrency and mode(scope.document, cluster(scope.documents)) == "Standard":
        yield "spec.predictor.containerConcurrency is ignored: only Knative mode holds requests back, as in KServe"
    if is_cluster_local(scope.document, cluster(scope.documents)):
        yield "cluster-local: the host outside the cluster is not served; the ingress answers for the one inside it"
    for name in service.metadata.annotations or {}:
        if name.startswith(("autoscaling.knative.dev/", "sidecar.istio.io/", "prometheus.")):
            yield f"metadata.annotations[{name}] is ignored: what reads it does not run here"


def _check_hosts(plans: Sequence[ServicePlan], documents: Sequence[Document]) -> None:
    """In Standard mode `a-b` in `c` and `a` in `b-c` would have one host."""
    taken: dict[str, ServicePlan] = {}
    for plan, document in zip(plans, documents, strict=True):
        for name in (name for route in (plan.route, *plan.component_routes) for name in route.hosts):
            if name in taken:
                other = f"{taken[name].namespace}/{taken[name].name}"
                raise PlanError(
                    f"its host {name} is that of {other} too; rename one", document.place("metadata", "name")
                )
            taken[name] = plan
