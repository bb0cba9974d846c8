"""Whole services: the four examples, hosts, namespaces, and what is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from isvc import manifest, plan, settings
from isvc.errors import PlanError
from isvc.plan.units import Component, Endpoint, Plan, Route, ServicePlan, resolve_all
from isvc.settings import Settings

ROOT = Path(__file__).parents[4]
EXAMPLES = ROOT / "examples"
TORCH, GRPC = EXAMPLES / "torch-transformer", EXAMPLES / "torch-grpc-transformer"
Planned = Callable[..., ServicePlan]
SPEC = "{predictor: {triton: {storageUri: gs://bucket/a}}}"


@pytest.fixture(scope="module")
def project() -> Settings:
    """The project's own settings; the build folder need not be there for a plan."""
    text = (ROOT / "isvc.yaml").read_text().replace("image-transformer: transformer/", "image-transformer: .")
    return settings.from_text(text, ROOT / "isvc.yaml")


def _plan(project: Settings, *files: Path) -> Plan:
    return plan.build(manifest.read(files), project)


def _words(service: ServicePlan, component: Component) -> list[str]:
    class Shown:
        def address(self, endpoint: Endpoint) -> str:
            return f"{endpoint.unit}/{endpoint.port}:1"

        def path(self, place: object) -> str:
            return f"<{getattr(place, 'name', None) or getattr(place, 'location', None)}>"

    (unit,) = (unit for unit in service.units if unit.component is component)
    return resolve_all(unit.command, unit, Shown())


def test_the_torch_example(project: Settings) -> None:
    (service,) = _plan(project, TORCH / "transformer-new.yaml").services
    assert service.host == "torch-transformer.default.example.com"
    assert service.model_name == "mnist"
    assert service.warmup == str(TORCH / "input.json")
    bucket = ROOT / "models/bucket"
    fetched = f"<{bucket}/models/torchserve/image_classifier/v1>"
    assert _words(service, Component.STORAGE_INITIALIZER) == ["storage-init", fetched, "<models>"]
    assert " ".join(_words(service, Component.TRANSFORMER)) == (
        "python -m model --model_name mnist "
        "--predictor_host torch-transformer-predictor/http:1 --http_port 1 --grpc_port 1"
    )
    assert service.notices[:3] == (
        "storage: gs://kfserving-examples/ -> models/bucket/ (isvc.yaml)",
        "runtime: kserve-torchserve -> predictor-mock (stands in for pytorch/torchserve-kfs:0.9.0)",
        "image: kserve/image-transformer -> . (isvc.yaml)",
    )


def test_the_grpc_example(project: Settings) -> None:
    (service,) = _plan(project, GRPC / "grpc_transformer.yaml").services
    assert service.host == "torch-grpc-transformer.default.example.com"
    assert service.model_name == "cifar10"
    assert " ".join(_words(service, Component.TRANSFORMER)) == (
        "python -m model --model_name cifar10 --protocol grpc-v2 "
        "--predictor_host torch-grpc-transformer-predictor/grpc:1 --http_port 1 --grpc_port 1"
    )
    assert "kserve-tritonserver -> predictor-mock" in service.notices[1]


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (TORCH / "transformer-new.yaml", TORCH / "transformer-old.yaml"),
        (GRPC / "grpc_transformer.yaml", GRPC / "grpc_transformer-old.yaml"),
    ],
)
def test_the_old_schema_gives_the_same_plan(project: Settings, new: Path, old: Path) -> None:
    assert _plan(project, new) == _plan(project, old)


def test_both_examples_make_one_plan(project: Settings) -> None:
    services = _plan(project, TORCH / "transformer-new.yaml", GRPC / "grpc_transformer.yaml").services
    names = [unit.name for service in services for unit in service.units]
    assert len(names) == len(set(names)) == 6


def test_a_plan_is_a_pure_function_of_its_documents(project: Settings) -> None:
    documents = manifest.read([GRPC / "grpc_transformer.yaml"])
    assert plan.build(documents, project) == plan.build(documents, project)


@pytest.mark.parametrize(
    ("mode", "top", "component"),
    [
        ("", "iris.default.example.com", "iris-predictor.default.example.com"),
        ("Knative", "iris.default.example.com", "iris-predictor.default.example.com"),
        ("Serverless", "iris.default.example.com", "iris-predictor.default.example.com"),
        ("Standard", "iris-default.example.com", "iris-predictor-default.example.com"),
        ("RawDeployment", "iris-default.example.com", "iris-predictor-default.example.com"),
    ],
)
def test_the_deployment_mode_shapes_the_hosts(planned: Planned, mode: str, top: str, component: str) -> None:
    metadata = f'annotations: {{serving.kserve.io/deploymentMode: "{mode}"}}'
    service = planned(SPEC, metadata=metadata)
    assert service.route.hosts == (top,)
    ends = Endpoint("iris-predictor", "http"), Endpoint("iris-predictor", "grpc")
    assert service.component_routes == (Route((component,), *ends),)


def test_each_component_has_a_host(project: Settings) -> None:
    (service,) = _plan(project, TORCH / "transformer-new.yaml").services
    assert [(route.hosts[0], route.rest.unit) for route in service.component_routes] == [
        ("torch-transformer-predictor.default.example.com", "torch-transformer-predictor"),
        ("torch-transformer-transformer.default.example.com", "torch-transformer-transformer"),
    ]


@pytest.mark.parametrize(
    ("mode", "said"), [("ModelMesh", "ModelMesh does not run"), ("Standart", "did you mean Standard?")]
)
def test_an_unknown_deployment_mode_is_refused(planned: Planned, mode: str, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        planned(SPEC, metadata=f"annotations: {{serving.kserve.io/deploymentMode: {mode}}}")


def test_units_of_another_namespace_carry_its_name(planned: Planned) -> None:
    service = planned(SPEC, metadata="namespace: garden")
    assert [unit.name for unit in service.units] == ["iris-storage-initializer.garden", "iris-predictor.garden"]
    assert service.host == "iris.garden.example.com"


def test_services_with_one_host_are_refused(settings: Settings) -> None:
    text = (
        "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\n"
        "metadata: {name: %s, namespace: %s, annotations: {serving.kserve.io/deploymentMode: Standard}}\n"
        f"spec: {SPEC}\n"
    )
    documents = manifest.parse_text(f"{text % ('a-b', 'c')}---\n{text % ('a', 'b-c')}", "x.yaml")
    with pytest.raises(PlanError, match=r"x.yaml:\d+: metadata.name: its host a-b-c.example.com is that of c/a-b too"):
        plan.build(documents, settings)


def test_every_ignored_field_is_told_in_one_line(planned: Planned) -> None:
    spec = (
        "{predictor: {maxReplicas: 2, scaleTarget: 3, containerConcurrency: 4, deploymentStrategy: {type: Recreate}, "
        "triton: {storageUri: gs://bucket/a}}}"
    )
    metadata = (
        "annotations: {serving.kserve.io/deploymentMode: Standard, "
        "sidecar.istio.io/inject: 'false', autoscaling.knative.dev/target: '1'}"
    )
    ignored = [notice for notice in planned(spec, metadata=metadata).notices if "is ignored" in notice]
    assert [notice.partition(" is ignored: ")[0] for notice in ignored] == [
        "spec.predictor.maxReplicas",
        "spec.predictor.scaleTarget",
        "spec.predictor.deploymentStrategy",
        "spec.predictor.containerConcurrency",
        "metadata.annotations[sidecar.istio.io/inject]",
        "metadata.annotations[autoscaling.knative.dev/target]",
    ]


def test_a_stopped_service_is_wanted_without_anything_that_runs(planned: Planned) -> None:
    service = planned(SPEC, metadata='annotations: {serving.kserve.io/stop: "true"}')
    assert service.stopped
    assert service.units == ()
    assert service.notices == ("iris is stopped (serving.kserve.io/stop): nothing of it runs",)


def test_documents_without_a_service_are_refused(settings: Settings) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    with pytest.raises(PlanError, match="there is no InferenceService in what was given"):
        plan.build(manifest.parse_text(text, "x.yaml"), settings)
    with pytest.raises(PlanError, match="there is no InferenceService"):
        plan.build((), settings)


def test_a_cluster_runtime_of_ones_own_replaces_the_built_in_of_its_name(planned: Planned) -> None:
    own = (
        "---\napiVersion: serving.kserve.io/v1alpha1\nkind: ClusterServingRuntime\n"
        "metadata: {name: kserve-tritonserver}\nspec: {supportedModelFormats: [{name: triton, autoSelect: true}], "
        "containers: [{name: kserve-container, image: 'mine:1'}]}"
    )
    assert planned(SPEC, beside=own).units[1].image == "mine:1"


def test_the_warm_up_is_no_part_of_what_runs(project: Settings) -> None:
    (service,) = _plan(project, TORCH / "transformer-new.yaml").services
    assert replace(service, warmup=None).units == service.units
