"""The runtime that a model gets: KServe's own results for its default install, complete, and each reason for none."""

from __future__ import annotations

import pytest

from isvc import manifest, runtimes
from isvc.errors import Place, PlanError
from isvc.manifest import ServingRuntime
from isvc.manifest.documents import ModelFormat, ModelSpec
from isvc.plan.selection import select, served_protocol

PLACE = Place("x.yaml", 1, "spec.predictor.model")
NONE = "none"

# For each format, the runtime without a protocol, for v1, v2 and grpc-v2.
GOLDEN = {
    "sklearn": ("kserve-sklearnserver", "kserve-sklearnserver", "kserve-mlserver", NONE),
    "xgboost": ("kserve-xgbserver", "kserve-xgbserver", "kserve-mlserver", NONE),
    "lightgbm": ("kserve-lgbserver", "kserve-lgbserver", "kserve-mlserver", NONE),
    "mlflow": (NONE, NONE, "kserve-mlserver", NONE),
    "tensorflow": (
        "kserve-tensorflow-serving",
        "kserve-tensorflow-serving",
        "kserve-tritonserver",
        "kserve-tritonserver",
    ),
    "pytorch": ("kserve-torchserve", "kserve-torchserve", "kserve-torchserve", "kserve-torchserve"),
    "onnx": (NONE, NONE, "kserve-tritonserver", "kserve-tritonserver"),
    "tensorrt": (NONE, NONE, "kserve-tritonserver", "kserve-tritonserver"),
    "triton": ("kserve-tritonserver", NONE, "kserve-tritonserver", "kserve-tritonserver"),
    "pmml": ("kserve-pmmlserver", "kserve-pmmlserver", "kserve-pmmlserver", NONE),
    "paddle": ("kserve-paddleserver", "kserve-paddleserver", "kserve-paddleserver", NONE),
    "autogluon": ("kserve-autogluonserver", "kserve-autogluonserver", "kserve-autogluonserver", NONE),
    "huggingface": ("kserve-huggingfaceserver", "kserve-huggingfaceserver", "kserve-huggingfaceserver", NONE),
    "vLLM": ("kserve-vllmserver", "kserve-vllmserver", "kserve-vllmserver", "kserve-vllmserver"),
}
PROTOCOLS = (None, "v1", "v2", "grpc-v2")
TABLE = [
    (name, protocol, expected)
    for name, row in GOLDEN.items()
    for protocol, expected in zip(PROTOCOLS, row, strict=True)
]


@pytest.fixture(scope="module")
def installed() -> tuple[ServingRuntime, ...]:
    return runtimes.load().runtimes


def _model(name: str, protocol: str | None = None, version: str | None = None, runtime: str | None = None) -> ModelSpec:
    return ModelSpec(model_format=ModelFormat(name=name, version=version), protocol_version=protocol, runtime=runtime)


def _selected(model: ModelSpec, known: tuple[ServingRuntime, ...], namespace: str = "default") -> str:
    return select(model, namespace, known, PLACE).metadata.name


def _refusal(model: ModelSpec, known: tuple[ServingRuntime, ...]) -> str:
    with pytest.raises(PlanError) as caught:
        select(model, "default", known, PLACE)
    assert caught.value.place == PLACE
    return caught.value.message


@pytest.mark.parametrize(("name", "protocol", "expected"), TABLE)
def test_a_format_in_a_protocol_gets_the_runtime_that_kserve_gives_it(
    installed: tuple[ServingRuntime, ...], name: str, protocol: str | None, expected: str
) -> None:
    model = _model(name, protocol)
    if expected == NONE:
        said = f"no runtime found to support predictor with model type: {{{name} <nil>}}"
        assert _refusal(model, installed).startswith(said)
    else:
        assert _selected(model, installed) == expected


def test_the_table_has_every_format_that_is_installed(installed: tuple[ServingRuntime, ...]) -> None:
    assert {entry.name for rt in installed for entry in rt.spec.supported_model_formats} == set(GOLDEN)


@pytest.mark.parametrize(
    ("name", "version"), [("pytorch", "2"), ("xgboost", "3"), ("sklearn", "1.0"), ("tensorrt", "8.6")]
)
def test_versions_are_compared_as_text(installed: tuple[ServingRuntime, ...], name: str, version: str) -> None:
    said = _refusal(_model(name, "v2" if name == "tensorrt" else None, version), installed)
    assert said.startswith(f"no runtime found to support predictor with model type: {{{name} {version}}}")
    assert "compared as text" in said


@pytest.mark.parametrize(
    ("name", "version", "protocol", "expected"),
    [
        ("sklearn", "1", "v1", "kserve-sklearnserver"),
        ("sklearn", "0", "v2", "kserve-mlserver"),
        ("xgboost", "1", "v2", "kserve-mlserver"),
        ("lightgbm", "3", "v2", "kserve-mlserver"),
        ("pmml", "4", None, "kserve-pmmlserver"),
        ("tensorflow", "2", "v2", "kserve-tritonserver"),
        ("pytorch", "1", None, "kserve-torchserve"),
    ],
)
def test_a_version_that_is_listed_is_found(
    installed: tuple[ServingRuntime, ...], name: str, version: str, protocol: str | None, expected: str
) -> None:
    assert _selected(_model(name, protocol, version), installed) == expected


def test_a_named_runtime_need_not_offer_the_format_by_itself(installed: tuple[ServingRuntime, ...]) -> None:
    assert _selected(_model("pytorch", runtime="kserve-tritonserver"), installed) == "kserve-tritonserver"
    assert _selected(_model("sklearn", runtime="kserve-predictiveserver"), installed) == "kserve-predictiveserver"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (_model("pytorch", runtime="kserve-tritonsever"), "did you mean kserve-tritonserver?"),
        (_model("pytorch", runtime="zebra"), "called zebra; the runtimes are kserve-sklearnserver, "),
        (_model("pytorch", runtime="kserve-openvino"), "no ServingRuntime or ClusterServingRuntime is called"),
        (
            _model("sklearn", runtime="kserve-torchserve"),
            "specified runtime kserve-torchserve does not support specified framework/version; it serves pytorch:1",
        ),
        (
            _model("pytorch", version="2", runtime="kserve-tritonserver"),
            "specified runtime kserve-tritonserver does not support specified framework/version",
        ),
        (
            _model("pytorch", "v1", runtime="kserve-tritonserver"),
            "does not support specified protocol version; it speaks v2, grpc-v2",
        ),
        (_model("pytorh"), "did you mean pytorch?"),
        (_model("zebra"), "the formats are sklearn, "),
        (_model("onnx"), "in protocol v1; write protocolVersion: v2 or grpc-v2"),
    ],
)
def test_a_refusal_says_what_to_write(installed: tuple[ServingRuntime, ...], model: ModelSpec, said: str) -> None:
    assert said in _refusal(model, installed)


def _runtime(name: str, spec: str, *, namespace: str | None = None) -> ServingRuntime:
    kind = "ServingRuntime" if namespace else "ClusterServingRuntime"
    place = f", namespace: {namespace}" if namespace else ""
    text = (
        f"apiVersion: serving.kserve.io/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}{place}}}\n"
        f"spec: {{containers: [{{name: kserve-container, image: {name}}}], {spec}}}"
    )
    (document,) = manifest.parse_text(text, "runtimes.yaml")
    assert isinstance(document.resource, ServingRuntime)
    return document.resource


MINE = "supportedModelFormats: [{name: mine, autoSelect: true}]"


def test_a_runtime_of_the_namespace_goes_before_one_of_the_cluster_whatever_its_priority() -> None:
    strong = "supportedModelFormats: [{name: mine, autoSelect: true, priority: 9}]"
    known = (_runtime("cluster", strong), _runtime("own", MINE, namespace="default"))
    assert _selected(_model("mine"), known) == "own"
    assert _selected(_model("mine"), known, namespace="other") == "cluster"


def test_of_two_with_one_name_the_one_of_the_namespace_is_meant() -> None:
    known = (_runtime("same", MINE), _runtime("same", MINE, namespace="default"))
    assert not select(_model("mine", runtime="same"), "default", known, PLACE).cluster_wide


def test_priority_then_lowest_protocol_then_name_decide() -> None:
    weak = _runtime("a", f"{MINE}, protocolVersions: [v1]")
    low = _runtime("c", "supportedModelFormats: [{name: mine, autoSelect: true, priority: 1}], protocolVersions: [v1]")
    late = _runtime("b", "supportedModelFormats: [{name: mine, autoSelect: true, priority: 1}]")
    assert _selected(_model("mine"), (weak, late, low)) == "c"
    assert _selected(_model("mine"), (weak, late)) == "b"
    assert _selected(_model("mine"), (_runtime("z", MINE), _runtime("y", MINE))) == "y"


@pytest.mark.parametrize("mark", ["disabled: true", "multiModel: true", "workerSpec: {}"])
def test_a_disabled_multi_model_or_multi_node_runtime_is_not_chosen(mark: str) -> None:
    known = (_runtime("own", f"{MINE}, {mark}"),)
    assert "no runtime found" in _refusal(_model("mine"), known)


def test_a_disabled_runtime_cannot_be_named() -> None:
    known = (_runtime("own", f"{MINE}, disabled: true"),)
    assert _refusal(_model("mine", runtime="own"), known).startswith("specified runtime own is disabled")


def test_the_protocol_that_was_not_given_is_the_runtimes_lowest(installed: tuple[ServingRuntime, ...]) -> None:
    triton = select(_model("pytorch", runtime="kserve-tritonserver"), "default", installed, PLACE)
    assert served_protocol(_model("pytorch"), triton) == "v2"
    assert served_protocol(_model("pytorch", "grpc-v2"), triton) == "grpc-v2"
