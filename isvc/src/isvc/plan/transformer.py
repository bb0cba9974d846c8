"""The transformer of a service: its command line as KServe completes it, bound to what runs here.

Source of what is added: pkg/apis/serving/v1beta1/transformer_custom.go (GetContainer), components/transformer.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from isvc.errors import PlanError
from isvc.manifest.documents import InferenceService, TransformerSpec
from isvc.plan.component import Planned
from isvc.plan.environment import Scope, Steps
from isvc.plan.fetching import Fetch, fetch_one, fetch_several
from isvc.plan.names import is_predictor_host, predictor_host, unit_name
from isvc.plan.own import Own, image_notices, numbers, read_own, server_unit, written_arguments
from isvc.plan.pod import Pod, init_containers, sidecar_notices, sidecars
from isvc.plan.units import Component, Condition, Directory, Endpoint, Need, Port, Unit, Word
from isvc.plan.words import MODELS_PATH, Places, flag_value, includes
from isvc.settings import Settings

MODELS = Directory("transformer-models")
PATH: Steps = ("spec", "transformer", "containers", 0)
_PROTOCOLS = {"v1": "http", "v2": "http", "grpc-v2": "grpc"}


@dataclass(frozen=True, slots=True)
class _Written:
    """What the YAML says of the container, and what that means for its place among the units."""

    own: Own
    fetch: Fetch | None
    hop: Endpoint


def plan_transformer(
    scope: Scope, service: InferenceService, spec: TransformerSpec, predictor: Planned, settings: Settings
) -> Planned:
    """Raises PlanError."""
    written = _read(scope, spec, predictor, settings)
    name = unit_name(service.metadata, "transformer")
    pod = Pod(scope, spec, name, settings, {}, PATH[:2])
    fetching = (written.fetch.unit,) if written.fetch else ()
    needs = tuple(Need(unit.name, Condition.COMPLETED) for unit in fetching)
    before = (*fetching, *init_containers(pod, needs, written.fetch.mount if written.fetch else None))
    needs = tuple(Need(unit.name, Condition.COMPLETED) for unit in before)
    near = numbers(written.own, name) if len(spec.containers) > 1 else {}
    return Planned(
        unit=_unit(scope, service, spec, written, predictor, needs),
        model_name=flag_value(written.own.arguments, "--model_name") or service.metadata.name,
        before=before,
        beside=tuple(sidecars(pod, 0, needs, near)),
        notices=(*_notices(written, predictor, scope), *sidecar_notices(pod, 0)),
        part="transformer",
    )


def _read(scope: Scope, spec: TransformerSpec, predictor: Planned, settings: Settings) -> _Written:
    """KServe takes the first container for the transformer, whatever it is called."""
    container = spec.containers[0]
    given = {"INFERENCE_SERVICE_NAME": scope.metadata.name}
    own = read_own(scope, spec, container, PATH, settings, models={MODELS_PATH: MODELS}, variables=given)
    fetch = _fetch(scope, spec, own, settings)
    if fetch is not None:
        variables = dict(own.variables)
        if not spec.storage_uris:
            variables["STORAGE_URI"] = MODELS_PATH
        own = replace(own, variables=variables, paths={**own.paths, **fetch.paths})
    return _Written(own, fetch, _hop(own.arguments, predictor, scope))


def _fetch(scope: Scope, spec: TransformerSpec, own: Own, settings: Settings) -> Fetch | None:
    """What STORAGE_URI, or storageUris, ask to be fetched for the transformer itself."""
    name = unit_name(scope.metadata, "transformer-storage-initializer")
    if spec.storage_uris:
        return fetch_several(scope, name, spec.storage_uris, MODELS, settings, PATH[:2])
    uri = own.variables.get("STORAGE_URI")
    if uri is None:
        return None
    index = next((i for i, variable in enumerate(own.container.env) if variable.name == "STORAGE_URI"), 0)
    return fetch_one(scope, name, uri, MODELS, settings, scope.document.place(*PATH, "env", index))


def _unit(
    scope: Scope,
    service: InferenceService,
    spec: TransformerSpec,
    written: _Written,
    predictor: Planned,
    needs: tuple[Need, ...],
) -> Unit:
    own, name = written.own, unit_name(scope.metadata, "transformer")
    arguments = (*_arguments(scope, written, predictor), *_added(service, spec, own.arguments, written.hop))
    return server_unit(
        scope,
        own,
        name,
        Component.TRANSFORMER,
        arguments,
        needs=(*needs, Need(predictor.unit.name, Condition.READY)),
        mounts=(written.fetch.mount,) if written.fetch else (),
        pod=name if len(spec.containers) > 1 else "",
    )


def _hop(arguments: Sequence[str], predictor: Planned, scope: Scope) -> Endpoint:
    """The predictor's port that the transformer will really call: `--predictor_protocol` decides, else `--protocol`."""
    for flag in ("--predictor_protocol", "--protocol"):
        protocol = flag_value(arguments, flag)
        if protocol is None:
            continue
        if protocol not in _PROTOCOLS:
            message = f'{flag} cannot be "{protocol}"; write one of {", ".join(_PROTOCOLS)}'
            raise PlanError(message, scope.document.place(*PATH, "args"))
        return predictor.grpc if _PROTOCOLS[protocol] == "grpc" else predictor.rest
    return predictor.rest


def _arguments(scope: Scope, written: _Written, predictor: Planned) -> Iterator[Word]:
    """The YAML's own arguments, those that name a place of this service bound to it."""
    places = Places(written.own.paths)
    part = predictor.part.removesuffix("predictor").rstrip("-")

    def host(value: str) -> Word:
        return (written.hop,) if is_predictor_host(value, scope.metadata, part) else places.word(value)

    return written_arguments(written.own, places, {"--predictor_host": host})


def _added(service: InferenceService, spec: TransformerSpec, arguments: Sequence[str], hop: Endpoint) -> Iterator[Word]:
    """What KServe appends, in its order and conditions; and `--grpc_port`, because units share one network here."""
    added: list[tuple[str, Word]] = [
        ("--model_name", (service.metadata.name,)),
        ("--predictor_host", (hop,)),
        ("--http_port", (Port("http"),)),
    ]
    if spec.container_concurrency is not None:
        added.append(("--workers", (str(spec.container_concurrency),)))
    added.append(("--grpc_port", (Port("grpc"),)))
    for flag, value in added:
        if not includes(arguments, flag):
            yield (flag,)
            yield value


def _notices(written: _Written, predictor: Planned, scope: Scope) -> Iterator[str]:
    arguments, hop = written.own.arguments, written.hop
    yield from written.fetch.notices if written.fetch else ()
    yield from image_notices(written.own)
    if hop.port == "grpc" and flag_value(arguments, "--predictor_protocol") is None:
        yield "--protocol grpc-v2 selects gRPC here; KServe's SDK ignores it and wants --predictor_protocol grpc-v2"
    if (hop.port == "grpc") != predictor.speaks_grpc_first:
        yield _mismatch(hop, scope, predictor)
    if not includes(arguments, "--grpc_port"):
        yield "--grpc_port is added to the transformer's arguments: units share one network here"


def _mismatch(hop: Endpoint, scope: Scope, predictor: Planned) -> str:
    name = predictor_host(scope.metadata, predictor.part.removesuffix("predictor").rstrip("-"))
    if hop.port == "grpc":
        return (
            f"the transformer calls gRPC, and on a cluster {name}:80 would be the predictor's REST port and fail; "
            "give the predictor `ports: [{name: h2c, protocol: TCP, containerPort: 9000}]`"
        )
    return (
        f"the transformer calls REST, and on a cluster {name}:80 would be the predictor's gRPC port (h2c) and fail; "
        "give the transformer --predictor_protocol grpc-v2, or take the h2c port out"
    )
