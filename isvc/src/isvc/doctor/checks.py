"""Traps of single containers and components. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from isvc.doctor.findings import Finding, finding
from isvc.errors import Place
from isvc.manifest import Document, InferenceService
from isvc.manifest.containers import Container
from isvc.manifest.documents import ComponentFields, PredictorSpec
from isvc.plan.defaults import model_of

Steps = tuple[str | int, ...]


def components(service: InferenceService) -> Iterator[tuple[ComponentFields, Steps]]:
    yield service.spec.predictor, ("spec", "predictor")
    if service.spec.transformer is not None:
        yield service.spec.transformer, ("spec", "transformer")
    for index, canary in enumerate(service.spec.canary):
        yield canary.predictor, ("spec", "canary", index, "predictor")


def containers(component: ComponentFields, steps: Steps) -> Iterator[tuple[Container, Steps]]:
    if isinstance(component, PredictorSpec) and (model := model_of(component)) is not None:
        yield model.spec, (*steps, model.field)
    for index, container in enumerate(component.containers):
        yield container, (*steps, "containers", index)


def pythonpath(document: Document, service: InferenceService) -> Iterator[Finding]:
    for component, steps in components(service):
        for container, path in containers(component, steps):
            for index, variable in enumerate(container.env):
                if variable.name == "PYTHONPATH":
                    place = document.place(*path, "env", index, "name")
                    yield finding(
                        "pythonpath",
                        place,
                        f'setting PYTHONPATH in container "{container.name}" is not allowed by KServe',
                        "remove it, and install the modules into the image",
                    )


def latest_tag(document: Document, service: InferenceService) -> Iterator[Finding]:
    for component, steps in components(service):
        for container, path in containers(component, steps):
            if container.image and "@" not in container.image and _tag(container.image) in ("", "latest"):
                yield finding(
                    "latest-tag",
                    document.place(*path, "image"),
                    f"{container.image} is another image tomorrow, and a node may keep the one of yesterday",
                    "write a version: name:v1.2.3, or a digest",
                )


def _tag(image: str) -> str:
    return image.rpartition("/")[2].partition(":")[2]


def logger_mode(document: Document, service: InferenceService) -> Iterator[Finding]:
    for component, steps in components(service):
        if component.logger is not None and not component.logger.mode:
            yield finding(
                "logger-mode",
                document.place(*steps, "logger"),
                "KServe refuses a logger without a mode (`invalid logger type`), though its reference names a default",
                "write mode: all, request or response",
            )


def transformer_workers(document: Document, service: InferenceService) -> Iterator[Finding]:
    transformer = service.spec.transformer
    if transformer is not None and (transformer.container_concurrency or 0) > 1:
        count = transformer.container_concurrency
        yield finding(
            "transformer-workers",
            document.place("spec", "transformer", "containerConcurrency"),
            f"KServe gives the transformer --workers {count}, and with more than one worker its SDK answers every "
            "request 501: the workers do not know the predictor's host",
            "remove containerConcurrency, or write --workers=1 among the transformer's args",
        )


def protocol_flag(document: Document, service: InferenceService) -> Iterator[Finding]:
    for component, steps in components(service):
        for container, path in containers(component, steps):
            flags = {argument.partition("=")[0] for argument in container.args}
            if "--protocol" in flags and "--predictor_protocol" not in flags and _is_transformer(container, path):
                yield finding(
                    "protocol-flag",
                    document.place(*path, "args"),
                    "KServe's SDK takes --protocol and does not read it: the transformer goes on calling V1 over REST",
                    "write --predictor_protocol with the same value",
                )


def _is_transformer(container: Container, path: Steps) -> bool:
    return path[1] == "transformer" or container.name == "transformer-container"


def addresses(service: InferenceService, document: Document) -> Iterator[tuple[str, Place]]:
    """Every address that something is fetched from."""
    for component, steps in components(service):
        for index, uri in enumerate(component.storage_uris):
            yield uri.uri, document.place(*steps, "storageUris", index, "uri")
        if isinstance(component, PredictorSpec) and (model := model_of(component)) and model.spec.storage_uri:
            yield model.spec.storage_uri, document.place(*steps, model.field, "storageUri")
        for number, container in enumerate(component.containers):
            for index, variable in enumerate(container.env):
                if variable.name == "STORAGE_URI" and variable.value:
                    yield variable.value, document.place(*steps, "containers", number, "env", index)


def s3_prefix(document: Document, service: InferenceService) -> Iterator[Finding]:
    for uri, place in addresses(service, document):
        last = uri.rpartition("/")[2]
        if uri.startswith("s3://") and last and "." not in last and uri.removeprefix("s3://").count("/"):
            yield finding(
                "s3-prefix",
                place,
                f"KServe fetches every key that starts with {last}: of {last}-v2/ too, as -v2/",
                f"write a slash behind it: {uri}/",
            )


def file_address(document: Document, service: InferenceService) -> Iterator[Finding]:
    for uri, place in addresses(service, document):
        if uri.startswith(("file://", "/")):
            yield finding(
                "file-address",
                place,
                f"{uri} would be read within the storage initializer's container, where it is not",
                "put the model into a store, and let isvc.yaml map the address to the folder",
            )


def ignored_storage(document: Document, service: InferenceService) -> Iterator[Finding]:
    transformer = service.spec.transformer
    for number, container in enumerate(transformer.containers if transformer else ()):
        for index, variable in enumerate(container.env):
            if number and variable.name == "STORAGE_URI":
                yield finding(
                    "ignored-storage",
                    document.place("spec", "transformer", "containers", number, "env", index),
                    "KServe fetches STORAGE_URI of the first container only",
                    "move it to the first container, or write storageUris",
                )


def canary_behind(document: Document, service: InferenceService) -> Iterator[Finding]:
    if service.spec.canary and service.spec.transformer is not None:
        yield finding(
            "canary-behind",
            document.place("spec", "canary"),
            "the transformer calls the stable predictor's Service, so that no request reaches the canary",
            "roll out the predictor without its transformer, or both as two services",
        )
