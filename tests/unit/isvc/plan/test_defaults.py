from __future__ import annotations

from typing import Any

import pytest

from isvc.manifest.documents import FrameworkSpec, ModelFormat, ModelSpec, PredictorSpec
from isvc.plan.defaults import model_of, protocol_of, server_defaults

PYTORCH = ModelSpec(model_format=ModelFormat(name="pytorch"), storage_uri="gs://a/b")


def _predictor(field: str, framework: FrameworkSpec) -> PredictorSpec:
    fields: dict[str, Any] = {field: framework}
    return PredictorSpec(**fields)


@pytest.mark.parametrize("field", ["triton", "onnx", "huggingface"])
def test_old_fields_of_servers_without_v1_mean_v2(field: str) -> None:
    model = model_of(_predictor(field, FrameworkSpec(storage_uri="gs://a/b")))
    assert model is not None
    assert (model.field, model.spec.model_format.name, model.spec.protocol_version) == (field, field, "v2")
    assert model.spec.storage_uri == "gs://a/b"


@pytest.mark.parametrize("field", ["sklearn", "xgboost", "tensorflow", "pytorch", "pmml", "lightgbm", "paddle"])
def test_other_old_fields_say_nothing_of_the_protocol(field: str) -> None:
    model = model_of(_predictor(field, FrameworkSpec()))
    assert model is not None
    assert (model.spec.model_format.name, model.spec.protocol_version) == (field, None)


def test_a_protocol_that_is_given_stays() -> None:
    model = model_of(PredictorSpec(onnx=FrameworkSpec(protocol_version="grpc-v2")))
    assert model is not None
    assert model.spec.protocol_version == "grpc-v2"


def test_a_predictor_of_containers_has_no_model() -> None:
    assert model_of(PredictorSpec()) is None


@pytest.mark.parametrize(("name", "expected"), [("sklearn", "v1"), ("onnx", "v1"), ("triton", "v2"), ("vLLM", "v2")])
def test_without_a_protocol_it_is_v1_except_for_two_formats(name: str, expected: str) -> None:
    assert protocol_of(ModelSpec(model_format=ModelFormat(name=name))) == expected


@pytest.mark.parametrize(("protocol", "envelope"), [("v1", "kserve"), ("v2", "kservev2"), ("grpc-v2", "kservev2")])
def test_torchserve_is_told_its_envelope_and_protocol(protocol: str, envelope: str) -> None:
    added = server_defaults("kserve-torchserve", "iris", PYTORCH, protocol)
    assert added.labels == {"serviceEnvelope": envelope}
    assert [(item.name, item.value) for item in added.environment] == [("PROTOCOL_VERSION", protocol)]


def test_mlserver_is_told_its_model() -> None:
    model = ModelSpec(model_format=ModelFormat(name="sklearn"), storage_uri="gs://a/b")
    added = server_defaults("kserve-mlserver", "iris", model, "v2")
    assert added.labels == {"modelClass": "mlserver_sklearn.SKLearnModel"}
    assert {item.name: item.value for item in added.environment} == {
        "MLSERVER_MODEL_NAME": "iris",
        "MLSERVER_MODEL_URI": "/mnt/models",
    }
    bare = server_defaults("kserve-mlserver", "iris", ModelSpec(model_format=ModelFormat(name="sklearn")), "v2")
    assert {item.name: item.value for item in bare.environment} == {"MLSERVER_LOAD_MODELS_AT_STARTUP": "false"}


def test_triton_without_a_model_loads_none_by_itself() -> None:
    bare = ModelSpec(model_format=ModelFormat(name="triton"))
    assert server_defaults("kserve-tritonserver", "iris", bare, "v2").arguments == ("--model-control-mode=explicit",)
    assert server_defaults("kserve-tritonserver", "iris", PYTORCH, "v2").arguments == ()
