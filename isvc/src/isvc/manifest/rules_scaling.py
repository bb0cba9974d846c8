"""The webhook's rules of replicas and autoscaling: nothing scales here, and a mistake in them is refused all the same.

Source: validateInferenceServiceAutoscaler, validateReplicas and validateAutoScalingCompExtension in
pkg/apis/serving/v1beta1/inference_service_validation.go and component.go.
"""

from __future__ import annotations

from isvc.errors import ManifestError
from isvc.manifest.documents import ComponentFields, Document

AUTOSCALER = "serving.kserve.io/autoscalerClass"
_KNATIVE_CLASS = "autoscaling.knative.dev/class"
_CLASSES = ("hpa", "keda", "external", "none")
_METRICS = {"hpa": ("cpu", "memory"), "kpa": ("concurrency", "rps", "cpu", "memory")}
_STANDARD = ("Standard", "RawDeployment")

Steps = tuple[str | int, ...]


def check_autoscaler(document: Document) -> None:
    written = document.resource.metadata.annotations or {}
    if AUTOSCALER in written and written[AUTOSCALER] not in _CLASSES:
        message = f"[{written[AUTOSCALER]}] is not a supported autoscaler class type; write {', '.join(_CLASSES)}"
        raise ManifestError(message, document.place("metadata", "annotations", AUTOSCALER))


def check_scaling(document: Document, component: ComponentFields, steps: Steps) -> None:
    _check_replicas(document, component, steps)
    match _autoscaler(document):
        case "hpa":
            _check_hpa(document, component, steps)
        case "keda":
            if component.scale_metric is not None:
                message = "ScaleMetric is not supported for KEDA; write autoScaling.metrics"
                raise ManifestError(message, document.place(*steps, "scaleMetric"))
        case "kpa":
            _check_kpa(document, component, steps)


def _check_replicas(document: Document, component: ComponentFields, steps: Steps) -> None:
    least = 1 if component.min_replicas is None else component.min_replicas
    most = component.max_replicas or 0
    if least < 0:
        raise ManifestError("'MinReplicas' cannot be less than 0; write 1", document.place(*steps, "minReplicas"))
    if most < 0:
        raise ManifestError("'MaxReplicas' cannot be less than 0; write 1", document.place(*steps, "maxReplicas"))
    if most and least > most:
        message = f"'MinReplicas' cannot be greater than MaxReplicas; write at most {most}"
        raise ManifestError(message, document.place(*steps, "minReplicas"))


def _autoscaler(document: Document) -> str:
    """Which autoscaler's rules hold: none in Standard mode without a class of its own."""
    metadata = document.resource.metadata
    if metadata.annotation("serving.kserve.io/deploymentMode") in _STANDARD:
        return metadata.annotation(AUTOSCALER)
    return "hpa" if metadata.annotation(_KNATIVE_CLASS) == "hpa.autoscaling.knative.dev" else "kpa"


def _check_hpa(document: Document, component: ComponentFields, steps: Steps) -> None:
    metric, target = component.scale_metric or "cpu", component.scale_target
    _check_metric(document, metric, "hpa", steps)
    if target is None:
        return
    if (metric == "cpu" and target < 1) or target > 100:
        message = "the target utilization percentage should be a [1-100] integer"
        raise ManifestError(message, document.place(*steps, "scaleTarget"))
    if metric == "memory" and target < 1:
        raise ManifestError("the target memory should be greater than 1 MiB", document.place(*steps, "scaleTarget"))


def _check_kpa(document: Document, component: ComponentFields, steps: Steps) -> None:
    if component.deployment_strategy is not None:
        message = "customizing deploymentStrategy is only supported for raw deployment mode; remove it"
        raise ManifestError(message, document.place(*steps, "deploymentStrategy"))
    metric, target = component.scale_metric or "concurrency", component.scale_target
    _check_metric(document, metric, "kpa", steps)
    if target is not None and metric == "rps" and target < 1:
        raise ManifestError("the target for rps should be greater than 1", document.place(*steps, "scaleTarget"))


def _check_metric(document: Document, metric: str, autoscaler: str, steps: Steps) -> None:
    if metric not in _METRICS[autoscaler]:
        message = f"[{metric}] is not a supported metric; write {', '.join(_METRICS[autoscaler])}"
        raise ManifestError(message, document.place(*steps, "scaleMetric"))
