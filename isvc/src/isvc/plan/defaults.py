"""What KServe fills in before it looks for a runtime, and what it adds for some servers afterwards.

Source: pkg/apis/serving/v1beta1/inference_service_defaults.go (legacy fields, protocol, server defaults).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from isvc.manifest.containers import EnvVar
from isvc.manifest.documents import FrameworkSpec, ModelFormat, ModelSpec, PredictorSpec

_V2_FRAMEWORKS = ("triton", "onnx", "huggingface")
_V2_FORMATS = ("triton", "vLLM")
_MODEL_CLASSES = {
    "sklearn": "mlserver_sklearn.SKLearnModel",
    "xgboost": "mlserver_xgboost.XGBoostModel",
    "lightgbm": "mlserver_lightgbm.LightGBMModel",
    "mlflow": "mlserver_mlflow.MLflowRuntime",
}


@dataclass(frozen=True, slots=True)
class WrittenModel:
    """The predictor's model in the new form, and the field under `spec.predictor` in which it was written."""

    spec: ModelSpec
    field: str


def model_of(predictor: PredictorSpec) -> WrittenModel | None:
    """The model, a legacy field rewritten as the webhook does; None for a predictor that is only containers."""
    if predictor.model is not None:
        return WrittenModel(predictor.model, "model")
    for field, spec in predictor.frameworks().items():
        return WrittenModel(_in_new_form(field, spec), field)
    return None


def _in_new_form(field: str, spec: FrameworkSpec) -> ModelSpec:
    values: dict[str, Any] = {item.name: getattr(spec, item.name) for item in fields(FrameworkSpec)}
    if spec.protocol_version is None and field in _V2_FRAMEWORKS:
        values["protocol_version"] = "v2"
    return ModelSpec(**values, model_format=ModelFormat(name=field))


def protocol_of(model: ModelSpec) -> str:
    """The protocol that a runtime has to speak: the one given, else v1, but v2 for the formats that know no v1."""
    return model.protocol_version or ("v2" if model.model_format.name in _V2_FORMATS else "v1")


@dataclass(frozen=True, slots=True)
class ServerDefaults:
    """What KServe adds for one server: labels (for placeholders), variables, arguments."""

    labels: dict[str, str]
    environment: tuple[EnvVar, ...] = ()
    arguments: tuple[str, ...] = ()


def server_defaults(runtime: str, service: str, model: ModelSpec, protocol: str) -> ServerDefaults:
    match runtime:
        case "kserve-mlserver":
            located = {"MLSERVER_MODEL_NAME": service, "MLSERVER_MODEL_URI": "/mnt/models"}
            variables = located if model.storage_uri or model.storage else {"MLSERVER_LOAD_MODELS_AT_STARTUP": "false"}
            environment = tuple(EnvVar(name=name, value=value) for name, value in variables.items())
            return ServerDefaults({"modelClass": _MODEL_CLASSES.get(model.model_format.name, "")}, environment)
        case "kserve-torchserve":
            envelope = "kserve" if protocol == "v1" else "kservev2"
            return ServerDefaults({"serviceEnvelope": envelope}, (EnvVar(name="PROTOCOL_VERSION", value=protocol),))
        case "kserve-tritonserver" if not (model.storage_uri or model.storage):
            return ServerDefaults({}, (), ("--model-control-mode=explicit",))
        case _:
            return ServerDefaults({})
