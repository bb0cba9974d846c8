"""Traps between two containers: who calls whom, by which name, on which port. Pure, but for what a folder holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from isvc.doctor.findings import Finding, finding
from isvc.errors import Place, PlanError
from isvc.manifest import Document, InferenceService, ServingRuntime
from isvc.manifest.containers import Container
from isvc.manifest.documents import ModelSpec
from isvc.plan.defaults import model_of, protocol_of
from isvc.plan.own import is_grpc
from isvc.plan.selection import select
from isvc.plan.storage import source
from isvc.plan.units import Folder
from isvc.plan.words import flag_value
from isvc.settings import Settings

Folders = Callable[[str], Collection[str] | None]
"""The names of the folders below a path; None where it cannot be read."""

GRPC_LIMIT = 8 * 1024 * 1024


def format_needs_v2(
    document: Document, service: InferenceService, runtimes: Sequence[ServingRuntime]
) -> Iterator[Finding]:
    model = model_of(service.spec.predictor)
    if model is None or model.spec.runtime is not None or model.spec.protocol_version is not None:
        return
    place = document.place("spec", "predictor", model.field, "modelFormat")
    if _finds(model.spec, service, runtimes, None, place) or not _finds(model.spec, service, runtimes, "v2", place):
        return
    yield finding(
        "format-needs-v2",
        place,
        f"without protocolVersion KServe looks for {protocol_of(model.spec)}, in which nothing serves "
        f"{model.spec.model_format.name}",
        "write protocolVersion: v2 beside modelFormat",
    )


def _finds(
    model: ModelSpec,
    service: InferenceService,
    runtimes: Sequence[ServingRuntime],
    protocol: str | None,
    place: Place,
) -> bool:
    wanted = replace(model, protocol_version=protocol) if protocol else model
    try:
        select(wanted, service.metadata.namespace, runtimes, place)
    except PlanError:
        return False
    return True


def port_80(document: Document, service: InferenceService) -> Iterator[Finding]:
    """A separate transformer calls port 80, which is the first port of the predictor's container."""
    transformer = service.spec.transformer
    served = _front(service)
    if transformer is None or not transformer.containers or served is None:
        return
    calls_grpc = _sdk_protocol(transformer.containers[0]) == "grpc-v2"
    is_h2c = bool(served.ports) and is_grpc(served.ports[0])
    place = document.place("spec", "transformer", "containers", 0, "args")
    if is_h2c and not calls_grpc:
        yield finding(
            "rest-to-h2c",
            place,
            "the predictor's first port is h2c, so that its port 80 speaks gRPC; the transformer calls REST",
            "write --predictor_protocol grpc-v2, or take the h2c port out",
        )
    if calls_grpc and not is_h2c:
        yield finding(
            "grpc-to-rest",
            place,
            "the transformer calls gRPC, and port 80 of the predictor leads to its REST port",
            "give the predictor ports: [{name: h2c, protocol: TCP, containerPort: 9000}]",
        )


def _front(service: InferenceService) -> Container | None:
    predictor = service.spec.predictor
    model = model_of(predictor)
    return model.spec if model is not None else next(iter(predictor.containers), None)


def _sdk_protocol(container: Container) -> str:
    """What KServe's SDK speaks: --protocol is not read."""
    return flag_value(container.args, "--predictor_protocol") or "v1"


def triton_model_name(
    document: Document,
    service: InferenceService,
    runtimes: Sequence[ServingRuntime],
    settings: Settings,
    folders: Folders,
) -> Iterator[Finding]:
    model, transformer = model_of(service.spec.predictor), service.spec.transformer
    if model is None or not model.spec.storage_uri or transformer is None or not transformer.containers:
        return
    place = document.place("spec", "predictor", model.field, "storageUri")
    try:
        runtime = select(model.spec, service.metadata.namespace, runtimes, place)
        location = source(model.spec.storage_uri, settings, place).location
    except PlanError:
        return
    if runtime.metadata.name != "kserve-tritonserver" or not isinstance(location, Folder):
        return
    known = folders(location.location)
    name = flag_value(transformer.containers[0].args, "--model_name") or service.metadata.name
    if known is not None and name not in known:
        yield finding(
            "triton-model-name",
            document.place("spec", "transformer", "containers", 0, "args"),
            f"Triton would serve {', '.join(sorted(known)) or 'nothing'}, and the transformer asks it for {name}",
            f"write --model_name with the folder's name{f', {min(known)}' if known else ''}",
        )


def grpc_body(document: Document, service: InferenceService, size: int | None) -> Iterator[Finding]:
    """`size` of the body beside the YAML, in bytes."""
    if size is not None and size > _grpc_limit(service):
        yield finding(
            "grpc-body",
            document.place("metadata", "name"),
            f"{document.warmup} has {size} bytes; KServe's gRPC server takes {GRPC_LIMIT} unless it is told otherwise",
            "write --grpc_max_receive_message_length and --grpc_max_send_message_length among the args",
        )


def _grpc_limit(service: InferenceService) -> int:
    """How many bytes the service's servers on KServe's SDK take over gRPC, as far as their arguments say."""
    transformer = service.spec.transformer
    containers = (*(transformer.containers if transformer else ()), *service.spec.predictor.containers)
    told = [flag_value(container.args, "--grpc_max_receive_message_length") or "" for container in containers]
    return max([int(number) for number in told if number.isdecimal()], default=GRPC_LIMIT)


def collocated(document: Document, service: InferenceService) -> Iterator[Finding]:
    predictor = service.spec.predictor
    found = [(i, one) for i, one in enumerate(predictor.containers) if one.name == "transformer-container"]
    if not found:
        return
    index, transformer = found[0]
    place = document.place("spec", "predictor", "containers", index)
    if flag_value(transformer.args, "--predictor_host") is None:
        yield finding(
            "collocated-host",
            place,
            "KServe adds no --predictor_host to the transformer of a pair",
            "write --predictor_host=localhost:8085, with the port on which the predictor listens",
        )
    taken = _listens(transformer)
    for container in predictor.containers[:index] + predictor.containers[index + 1 :]:
        if _listens(container) == taken:
            yield _clash(place, container.name or "the predictor", taken)
    if model_of(predictor) is not None and taken == 8080:
        yield _clash(place, "the runtime's server", taken)


def _listens(container: Container) -> int:
    text = flag_value(container.args, "--http_port")
    if text is not None and text.isdecimal():
        return int(text)
    return container.ports[0].container_port if container.ports else 8080


def _clash(place: Place, other: str, port: int) -> Finding:
    return finding(
        "collocated-ports",
        place,
        f"transformer-container and {other} share one network, and both listen on {port}",
        "give one of them another port: --http_port=8085, and the same in the other's --predictor_host",
    )
