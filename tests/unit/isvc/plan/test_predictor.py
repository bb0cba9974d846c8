"""The predictor's unit, and what is told about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from isvc.errors import PlanError
from isvc.plan.units import Condition, Directory, Folder, Mount, Need, Port, Probe, ServicePlan, Unit

Planned = Callable[..., ServicePlan]
Find = Callable[[ServicePlan, str], Unit]
PYTORCH = "{predictor: {model: {modelFormat: {name: pytorch}, storageUri: gs://bucket/a%s}}}"


def test_a_predictor_alone_is_a_service(planned: Planned, unit: Find) -> None:
    service = planned(PYTORCH % "")
    assert [unit.name for unit in service.units] == ["iris-storage-initializer", "iris-predictor"]
    assert service.units[0].command == (("storage-init",), (Folder("/sample/bucket/a"),), (Directory("models"),))
    predictor = unit(service, "predictor")
    assert predictor.command == (
        ("predictor-mock",),
        ("--model_dir",),
        (Directory("models"),),
        ("--model_name",),
        ("iris",),
        ("--http_port",),
        (Port("http"),),
        ("--grpc_port",),
        (Port("grpc"),),
    )
    assert predictor.mounts == (Mount(Directory("models"), "/mnt/models", read_only=True),)
    assert predictor.needs == (Need("iris-storage-initializer", Condition.COMPLETED),)
    assert predictor.probe == Probe("http", "/v2/health/ready")
    assert (service.model_name, service.route.rest.unit) == ("iris", "iris-predictor")


def test_the_variables_are_those_that_kserve_would_set(planned: Planned, unit: Find) -> None:
    service = planned(PYTORCH % ", protocolVersion: v2, env: [{name: DIR, value: /mnt/models/x}]")
    assert unit(service, "predictor").environment == (
        ("TS_SERVICE_ENVELOPE", ("kservev2",)),
        ("PROTOCOL_VERSION", ("v2",)),
        ("DIR", (Directory("models"), "/x")),
        ("INFERENCE_SERVICE_NAME", ("iris",)),
    )


def test_the_image_is_the_one_that_kserve_would_run(planned: Planned, unit: Find) -> None:
    service = planned(PYTORCH % ", runtimeVersion: 0.12.0")
    assert unit(service, "predictor").image == "pytorch/torchserve-kfs:0.12.0"
    assert (
        "runtime: kserve-torchserve -> predictor-mock (stands in for pytorch/torchserve-kfs:0.12.0)" in service.notices
    )


def test_declared_ports_keep_their_numbers(planned: Planned, unit: Find) -> None:
    service = planned(PYTORCH % ", ports: [{name: h2c, containerPort: 9100}, {containerPort: 8100}]")
    assert dict(unit(service, "predictor").ports) == {"http": 8100, "grpc": 9100}


def test_a_memory_limit_is_kept(planned: Planned, unit: Find) -> None:
    service = planned(PYTORCH % ", resources: {limits: {memory: 1Gi}}")
    assert unit(service, "predictor").memory == 1024**3


def test_what_the_stand_in_does_not_use_is_told(planned: Planned) -> None:
    service = planned(PYTORCH % ", args: [--x], resources: {limits: {nvidia.com/gpu: 1}}")
    assert "spec.predictor.model: args is for kserve-torchserve, and predictor-mock does not use it" in service.notices
    assert "spec.predictor.model.resources is ignored: there is no GPU for it" in service.notices


def test_a_model_name_among_the_predictors_arguments_is_the_callers(planned: Planned) -> None:
    assert planned(PYTORCH % ", args: [--model_name=lily]").model_name == "lily"


def test_a_runtime_of_ones_own_is_found_and_has_no_way_to_run(planned: Planned) -> None:
    own = (
        "---\napiVersion: serving.kserve.io/v1alpha1\nkind: ServingRuntime\nmetadata: {name: own}\n"
        "spec: {supportedModelFormats: [{name: mine, autoSelect: true}], "
        "containers: [{name: kserve-container, image: 'own:{{.Name}}'}]}"
    )
    with pytest.raises(PlanError, match=r"the runtime own \(image own:iris\) cannot run on this machine yet"):
        planned("{predictor: {model: {modelFormat: {name: mine}, storageUri: gs://bucket/a}}}", beside=own)


@pytest.mark.parametrize(
    ("predictor", "said"),
    [
        (
            "{paddle: {storageUri: gs://bucket/a}}",
            "modelFormat: the runtime kserve-paddleserver (image kserve/paddle",
        ),
        ("{model: {modelFormat: {name: pytorch}}}", "model.storageUri: storageUri is missing"),
        ("{pytorch: {}}", "pytorch.storageUri: storageUri is missing"),
        ("{containers: [{image: a}]}", "containers[0].image: no folder is known for the image a"),
        (
            "{pytorch: {storageUri: gs://bucket/a}, containers: [{name: transformer-container}]}",
            "containers[0].image: is missing",
        ),
        ("{model: {modelFormat: {name: onnx}, storageUri: gs://bucket/a}}", "model type: {onnx <nil>} in protocol v1"),
        (
            "{model: {modelFormat: {name: pytorch}, runtime: x, storageUri: a}}",
            "spec.predictor.model.runtime: no Serving",
        ),
        ("{pytorch: {storageUri: ftp://a}}", "spec.predictor.pytorch.storageUri: storageUri, must be one of"),
        ("{pytorch: {storageUri: gs://bucket/a, resources: {limits: {memory: x}}}}", "x is no amount of memory"),
    ],
)
def test_what_cannot_run_is_refused_with_its_place(planned: Planned, predictor: str, said: str) -> None:
    with pytest.raises(PlanError) as caught:
        planned(f"{{predictor: {predictor}}}")
    assert said in str(caught.value)
    assert str(caught.value).startswith("x.yaml:4: spec.predictor.")
