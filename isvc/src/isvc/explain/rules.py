"""The rules by which KServe's controller and webhooks complete what a YAML says. Read from KServe v0.20."""

from __future__ import annotations

from dataclasses import dataclass

from isvc.plan.units import Component

KSERVE_VERSION = "0.20"


@dataclass(frozen=True, slots=True)
class Rule:
    key: str
    says: str
    source: str
    """The file in KServe's repository."""


_TRANSFORMER = "pkg/apis/serving/v1beta1/transformer_custom.go"
_COMPONENTS = "pkg/controller/v1beta1/inferenceservice/components"
_INJECTOR = "pkg/webhook/admission/pod/storage_initializer_injector.go"
_MERGE = "pkg/controller/v1beta1/inferenceservice/utils/utils.go"
_DEFAULTS = "pkg/apis/serving/v1beta1/inference_service_defaults.go"

RULES = {
    rule.key: rule
    for rule in (
        Rule(
            "model-name", "a transformer is told the service's name as --model_name, unless it says one", _TRANSFORMER
        ),
        Rule("predictor-host", "a transformer is told the predictor's Service, without a port: 80", _TRANSFORMER),
        Rule("http-port", "a transformer is told to listen on 8080", _TRANSFORMER),
        Rule("workers", "containerConcurrency of a transformer becomes --workers", _TRANSFORMER),
        Rule("kserve-container", "the first container of a transformer is renamed kserve-container", _TRANSFORMER),
        Rule("service-name", "the service's name stands in INFERENCE_SERVICE_NAME", f"{_COMPONENTS}/transformer.go"),
        Rule("service-name-predictor", "in a predictor every container gets it", f"{_COMPONENTS}/predictor.go"),
        Rule(
            "runtime", "the runtime is chosen by format, version, protocol and priority", f"{_COMPONENTS}/predictor.go"
        ),
        Rule("runtime-argument", "the runtime's arguments come first, the model's own behind them", _MERGE),
        Rule("runtime-variable", "variables are merged by name, the model's own over the runtime's", _MERGE),
        Rule("runtime-image", "the image is the runtime's, with runtimeVersion for its tag", _MERGE),
        Rule("placeholder", "{{.Name}}, {{.Labels.k}} and the like are filled from the service's metadata", _MERGE),
        Rule("server-default", "MLServer, TorchServe and Triton get what each needs beside", _DEFAULTS),
        Rule("models", "what storageUri names is fetched to /mnt/models and mounted read-only", _INJECTOR),
        Rule("storage-uri", "STORAGE_URI is rewritten to where the model is", _INJECTOR),
        Rule("storage-uris", "several addresses are mounted at the folder above them all", _INJECTOR),
        Rule(
            "port-80",
            "port 80 of the Service leads to the first port of the container, else to 8080",
            "pkg/controller/v1beta1/inferenceservice/reconcilers/service/service_reconciler.go",
        ),
        Rule(
            "probe",
            "without a probe of its own a container is ready when its first port takes a connection",
            "pkg/controller/v1beta1/inferenceservice/reconcilers/deployment/deployment_reconciler.go",
        ),
        Rule(
            "agent",
            "a logger or a batcher puts the agent in front, on port 9081",
            "pkg/webhook/admission/pod/agent_injector.go",
        ),
        Rule(
            "sidecar", "the YAML's other containers stay in the pod, as they are written", f"{_COMPONENTS}/predictor.go"
        ),
        Rule("written", "as the YAML has it", ""),
    )
}

_OF_UNITS = {
    Component.BUCKET: "models",
    Component.STORAGE_INITIALIZER: "models",
    Component.AGENT: "agent",
    Component.SERVICE: "port-80",
    Component.SIDECAR: "sidecar",
    Component.INIT_CONTAINER: "sidecar",
}


def of_unit(component: Component) -> Rule:
    """By which rule KServe has a container of this kind beside the component's own."""
    return RULES[_OF_UNITS.get(component, "written")]
