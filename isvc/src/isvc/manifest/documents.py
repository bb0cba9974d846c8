"""The kinds that are read: InferenceService and what may stand beside it in a file. The classes are the schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from isvc.errors import Place
from isvc.manifest.containers import Container, PodFields
from isvc.manifest.decode import Notice, ignored, refused
from isvc.manifest.nodes import Node

_SCALING = "minReplicas instances run here; KServe on Kubernetes is the engine that scales"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    name: str
    namespace: str = "default"
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    generate_name: object = refused("cannot be used here; write `name`")
    finalizers: object = ignored()
    # What `kubectl get -o yaml` adds.
    creation_timestamp: object = ignored()
    generation: object = ignored()
    managed_fields: object = ignored()
    owner_references: object = ignored()
    resource_version: object = ignored()
    self_link: object = ignored()
    uid: object = ignored()

    def annotation(self, name: str) -> str:
        return (self.annotations or {}).get(name, "")

    def label(self, name: str) -> str:
        return (self.labels or {}).get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFormat:
    name: str
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSpec:
    """A model by its path in a store that the secret `storage-config` describes under `key`."""

    key: str = ""
    path: str | None = None
    parameters: Mapping[str, str] | None = None
    schema_path: object = ignored("only ModelMesh reads it")


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageUri:
    uri: str
    mount_path: str = "/mnt/models"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggerSpec:
    url: str | None = None
    mode: str = ""
    metadata_headers: tuple[str, ...] = ()
    metadata_annotations: tuple[str, ...] = ()
    storage: object = refused("events go to a URL here; remove it")
    marshaller_url: object = refused("events go to a URL here; remove it")
    batch_size: object = ignored("each event is sent by itself")
    batch_interval: object = ignored("each event is sent by itself")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batcher:
    max_batch_size: int | None = None
    max_latency: int | None = None
    timeout: object = ignored("KServe does not read it either")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkSpec(Container):
    """A predictor in the old form, `predictor.pytorch`: a container and where its model is."""

    storage_uri: str | None = None
    storage: StorageSpec | None = None
    runtime_version: str | None = None
    protocol_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec(FrameworkSpec):
    """A predictor in the new form, `predictor.model`."""

    model_format: ModelFormat
    runtime: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentFields(PodFields):
    """What predictor and transformer have in common beside their containers."""

    containers: tuple[Container, ...] = ()
    storage_uris: tuple[StorageUri, ...] = ()
    container_concurrency: int | None = None
    timeout: int | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    scale_target: int | None = None
    scale_metric: str | None = None
    scale_metric_type: object = ignored(_SCALING)
    auto_scaling: object = ignored(_SCALING)
    canary_traffic_percent: object = ignored(
        "there is one revision, which gets all requests; write `spec.canary`, which has two at once"
    )
    deployment_strategy: object = ignored("a changed unit is restarted")
    labels: object = ignored("there are no pods to label")
    annotations: object = ignored("there are no pods to annotate")
    logger: LoggerSpec | None = None
    batcher: Batcher | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictorSpec(ComponentFields):
    name: str | None = None
    model: ModelSpec | None = None
    sklearn: FrameworkSpec | None = None
    xgboost: FrameworkSpec | None = None
    tensorflow: FrameworkSpec | None = None
    pytorch: FrameworkSpec | None = None
    triton: FrameworkSpec | None = None
    onnx: FrameworkSpec | None = None
    huggingface: FrameworkSpec | None = None
    pmml: FrameworkSpec | None = None
    lightgbm: FrameworkSpec | None = None
    paddle: FrameworkSpec | None = None
    worker_spec: object = refused("a predictor on several nodes cannot run on one machine; remove it")
    confidential: object = refused("confidential computing needs Kubernetes; remove it")

    def frameworks(self) -> dict[str, FrameworkSpec]:
        """The predictors written in the old form, by field name. Valid services have at most one."""
        names = (
            "sklearn",
            "xgboost",
            "tensorflow",
            "pytorch",
            "triton",
            "onnx",
            "huggingface",
            "pmml",
            "lightgbm",
            "paddle",
        )
        written = {name: getattr(self, name) for name in names}
        return {name: spec for name, spec in written.items() if spec is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerSpec(ComponentFields):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class CanarySpec:
    """A second predictor, and its share of the requests in percent."""

    predictor: PredictorSpec
    traffic_percent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceServiceSpec:
    predictor: PredictorSpec
    transformer: TransformerSpec | None = None
    explainer: object = refused("explainers are not run here yet; remove it")
    canary: tuple[CanarySpec, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceService:
    api_version: str
    kind: str
    metadata: Metadata
    spec: InferenceServiceSpec
    status: object = ignored()


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportedFormat:
    name: str
    version: str | None = None
    auto_select: bool = False
    priority: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingRuntimeSpec(PodFields):
    containers: tuple[Container, ...]
    supported_model_formats: tuple[SupportedFormat, ...] = ()
    protocol_versions: tuple[str, ...] = ()
    multi_model: bool = False
    disabled: bool = False
    annotations: object = ignored()
    labels: object = ignored()
    replicas: object = ignored()
    worker_spec: object = None
    storage_helper: object = ignored()
    grpc_endpoint: object = ignored()
    grpc_data_endpoint: object = ignored()
    http_data_endpoint: object = ignored()
    built_in_adapter: object = ignored()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingRuntime:
    """A ServingRuntime, or the ClusterServingRuntime of the same shape."""

    api_version: str
    kind: str
    metadata: Metadata
    spec: ServingRuntimeSpec
    status: object = ignored()

    @property
    def cluster_wide(self) -> bool:
        return self.kind == "ClusterServingRuntime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    api_version: str
    kind: str
    metadata: Metadata
    data: Mapping[str, str] | None = None
    string_data: Mapping[str, str] | None = None
    type: str = "Opaque"
    immutable: object = ignored()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMap:
    api_version: str
    kind: str
    metadata: Metadata
    data: Mapping[str, str] | None = None
    binary_data: Mapping[str, str] | None = None
    immutable: object = ignored()


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretName:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    api_version: str
    kind: str
    metadata: Metadata
    secrets: tuple[SecretName, ...] = ()
    image_pull_secrets: object = ignored()
    automount_service_account_token: object = ignored()


Resource = InferenceService | ServingRuntime | Secret | ConfigMap | ServiceAccount

KINDS: Mapping[tuple[str, str], type[Resource]] = {
    ("serving.kserve.io/v1beta1", "InferenceService"): InferenceService,
    ("serving.kserve.io/v1alpha1", "ServingRuntime"): ServingRuntime,
    ("serving.kserve.io/v1alpha1", "ClusterServingRuntime"): ServingRuntime,
    ("v1", "Secret"): Secret,
    ("v1", "ConfigMap"): ConfigMap,
    ("v1", "ServiceAccount"): ServiceAccount,
}

KINDS_OF_KSERVE_ONLY = (
    "InferenceGraph",
    "LLMInferenceService",
    "TrainedModel",
    "LocalModelCache",
    "ClusterStorageContainer",
)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: what it says, where it says so, and what in it has no effect here."""

    resource: Resource
    source: Node
    notices: tuple[Notice, ...] = ()
    warmup: Path | None = None
    """`input.json` beside the file."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What there may be only one of: kind, namespace and name."""
        metadata = self.resource.metadata
        return self.resource.kind, metadata.namespace, metadata.name

    def place(self, *steps: str | int) -> Place:
        return self.source.at(*steps)
