"""What KServe's admission webhooks refuse, in their words, with the mend behind them.

Source: pkg/apis/serving/v1beta1/inference_service_validation.go and component.go; pkg/validation/env_policy.go.
`rules_scaling` has what is said of replicas and metrics, `rules_storage` of addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from isvc.errors import ManifestError
from isvc.manifest.containers import Container
from isvc.manifest.documents import ComponentFields, Document, FrameworkSpec, InferenceService, PredictorSpec
from isvc.manifest.rules_scaling import check_autoscaler, check_scaling
from isvc.manifest.rules_storage import check_storage

NAME_PATTERN = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
KSERVE_CONTAINER, TRANSFORMER_CONTAINER = "kserve-container", "transformer-container"
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_PROTOCOLS = ("v1", "v2", "grpc-v1", "grpc-v2")
_LOGGER_MODES = ("all", "request", "response")

Steps = tuple[str | int, ...]


def check(document: Document) -> None:
    """Raises ManifestError for the first rule that `document` breaks."""
    metadata = document.resource.metadata
    if len(metadata.namespace) > 63 or not _NAMESPACE.fullmatch(metadata.namespace):
        message = f'"{metadata.namespace}" is no namespace: write lower case letters, digits and "-"'
        raise ManifestError(message, document.place("metadata", "namespace"))
    if isinstance(document.resource, InferenceService):
        _check_service(document, document.resource)


def _check_service(document: Document, service: InferenceService) -> None:
    _check_name(document, service.metadata.name)
    check_autoscaler(document)
    for component, steps in _components(service):
        for path, container in _containers(component, steps):
            _check_container(document, container, path)
    _check_collocation(document, service.spec.predictor)
    for component, steps in _components(service):
        if isinstance(component, PredictorSpec):
            _check_predictor(document, component, steps)
        elif not component.containers:
            raise ManifestError(
                "exactly one of [PodSpec, ComponentExtensionSpec] must be specified in TransformerSpec; "
                "give it `containers` with the image of your transformer",
                document.place(*steps),
            )
        check_storage(document, component, steps)
        _check_component(document, component, steps)
        check_scaling(document, component, steps)
    _check_canary(document, service)


def _components(service: InferenceService) -> Iterator[tuple[ComponentFields, Steps]]:
    yield service.spec.predictor, ("spec", "predictor")
    if service.spec.transformer is not None:
        yield service.spec.transformer, ("spec", "transformer")
    for index, canary in enumerate(service.spec.canary):
        yield canary.predictor, ("spec", "canary", index, "predictor")


def _check_name(document: Document, name: str) -> None:
    if not re.fullmatch(NAME_PATTERN.strip("^$"), name) or len(name) > 63:
        raise ManifestError(
            f'the InferenceService "{name}" is invalid: a InferenceService name must consist of lower case '
            "alphanumeric characters or '-', and must start with alphabetical character. "
            f'(e.g. "my-name" or "abc-123", regex used for validation is \'{NAME_PATTERN.strip("^$")}\')'
            + ("; at most 63 characters" if len(name) > 63 else ""),
            document.place("metadata", "name"),
        )


def _check_collocation(document: Document, predictor: PredictorSpec) -> None:
    for index, container in enumerate(predictor.containers):
        for number, variable in enumerate(container.env):
            if container.name == TRANSFORMER_CONTAINER and variable.name == "STORAGE_URI":
                raise ManifestError(
                    "storage uri should not be specified in transformer container; the model of the pod is mounted "
                    "into it anyway",
                    document.place("spec", "predictor", "containers", index, "env", number),
                )


def _check_predictor(document: Document, predictor: PredictorSpec, steps: Steps) -> None:
    specs: dict[str, FrameworkSpec] = {**predictor.frameworks()}
    if predictor.model is not None:
        specs["model"] = predictor.model
    if len(specs) > 1 or not (specs or predictor.containers):
        found = f"found {', '.join(specs)}" if specs else "found none"
        raise ManifestError(
            "exactly one of [SKLearn, XGBoost, Tensorflow, PyTorch, Triton, ONNX, HuggingFace, PMML, LightGBM, Paddle, "
            f"Model] must be specified in PredictorSpec; {found}; write one, `model` in the new schema",
            document.place(*steps),
        )
    for field, spec in specs.items():
        if spec.name:
            message = "the 'name' field is not allowed in standard predictor; remove it"
            raise ManifestError(message, document.place(*steps, field, "name"))
        _check_protocol(document, spec.protocol_version, (*steps, field, "protocolVersion"))
    if predictor.name is not None and not re.fullmatch(NAME_PATTERN.strip("^$"), predictor.name):
        message = f'"{predictor.name}" is no name of a predictor: write lower case letters, digits and "-"'
        raise ManifestError(message, document.place(*steps, "name"))
    if not specs:
        _check_custom(document, predictor, steps)


def _check_custom(document: Document, predictor: PredictorSpec, steps: Steps) -> None:
    """Of several containers KServe takes the one called kserve-container, and trips over two orders of them."""
    names = [container.name for container in predictor.containers]
    if len(names) > 1 and KSERVE_CONTAINER not in names:
        message = f"of several containers one has to be called {KSERVE_CONTAINER}: the one that serves the model"
        raise ManifestError(message, document.place(*steps, "containers"))
    if TRANSFORMER_CONTAINER in names and names.index(TRANSFORMER_CONTAINER) == 0:
        raise ManifestError(
            f"{TRANSFORMER_CONTAINER} is the first container, which KServe would replace by {KSERVE_CONTAINER}; "
            f"write {KSERVE_CONTAINER} first",
            document.place(*steps, "containers", 0),
        )
    for index, container in enumerate(predictor.containers):
        for number, variable in enumerate(container.env):
            if variable.name == "PROTOCOL":
                _check_protocol(document, variable.value, (*steps, "containers", index, "env", number), _PROTOCOLS[:2])


def _check_protocol(
    document: Document, protocol: str | None, steps: Steps, allowed: tuple[str, ...] = _PROTOCOLS
) -> None:
    if protocol is not None and protocol not in allowed:
        message = f"invalid protocol {protocol}. Must be one of [{', '.join(allowed)}]"
        raise ManifestError(message, document.place(*steps))


def _check_component(document: Document, component: ComponentFields, steps: Steps) -> None:
    if component.container_concurrency is not None and component.container_concurrency < 0:
        message = "parallelism cannot be less than 0; write 0 (no limit) or more"
        raise ManifestError(message, document.place(*steps, "containerConcurrency"))
    if component.timeout is not None and component.timeout < 1:
        message = f"{component.timeout} s is no time to wait; write a number of seconds from 1"
        raise ManifestError(message, document.place(*steps, "timeout"))
    logger = component.logger
    if logger is not None and logger.mode not in _LOGGER_MODES:
        message = f"invalid logger type; write mode: {', '.join(_LOGGER_MODES[:-1])} or {_LOGGER_MODES[-1]}"
        raise ManifestError(message, document.place(*steps, "logger", "mode"))
    batcher = component.batcher
    for name, number in (
        ("maxBatchSize", batcher.max_batch_size if batcher else None),
        ("maxLatency", batcher.max_latency if batcher else None),
    ):
        if number is not None and number < 1:
            raise ManifestError(f"{number} is too small; write 1 or more", document.place(*steps, "batcher", name))
    _check_names(document, component, steps)


def _check_names(document: Document, component: ComponentFields, steps: Steps) -> None:
    """Kubernetes: containers and volumes have names of their own."""
    named = {
        "containers": [container.name for container in component.containers],
        "volumes": [volume.name for volume in component.volumes],
    }
    for field, names in named.items():
        for index, name in enumerate(names):
            if name and name in names[:index]:
                message = f'Duplicate value: "{name}"; give each a name of its own'
                raise ManifestError(message, document.place(*steps, field, index, "name"))


def _check_container(document: Document, container: Container, path: Steps) -> None:
    for index, variable in enumerate(container.env):
        if not _VARIABLE.fullmatch(variable.name):
            message = f'"{variable.name}" is no name of a variable; write letters, digits, "_", "-" and "."'
            raise ManifestError(message, document.place(*path, "env", index, "name"))
        if variable.name == "PYTHONPATH":
            service = document.resource.metadata.name
            message = (
                f'the InferenceService "{service}" is invalid: setting PYTHONPATH in container "{container.name}" is '
                "not allowed for security reasons; remove it"
            )
            raise ManifestError(message, document.place(*path, "env", index, "name"))
    for index, port in enumerate(container.ports):
        if not 0 < port.container_port < 65536:
            message = f"{port.container_port} is no port: write a number from 1 to 65535"
            raise ManifestError(message, document.place(*path, "ports", index, "containerPort"))


def _check_canary(document: Document, service: InferenceService) -> None:
    total = 0
    for index, canary in enumerate(service.spec.canary):
        steps: Steps = ("spec", "canary", index)
        if not canary.predictor.name:
            message = "a canary predictor has to have a name, which becomes part of its Service's"
            raise ManifestError(message, document.place(*steps, "predictor", "name"))
        percent = canary.traffic_percent or 0
        if not 0 <= percent <= 100:
            raise ManifestError(f"{percent} is no share in percent: 0 to 100", document.place(*steps, "trafficPercent"))
        total += percent
    if total > 100:
        message = f"the shares of the canaries add up to {total} %; the stable predictor gets what they leave of 100"
        raise ManifestError(message, document.place("spec", "canary"))


def _containers(component: ComponentFields, steps: Steps) -> Iterator[tuple[Steps, Container]]:
    for index, container in enumerate(component.containers):
        yield (*steps, "containers", index), container
    for index, container in enumerate(component.init_containers):
        yield (*steps, "initContainers", index), container
    if isinstance(component, PredictorSpec):
        if component.model is not None:
            yield (*steps, "model"), component.model
        for field, spec in component.frameworks().items():
            yield (*steps, field), spec
