"""Which documents are read, and what is said of those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from isvc import manifest
from isvc.errors import ManifestError
from isvc.manifest import ConfigMap, InferenceService, Secret, ServiceAccount, ServingRuntime

SERVICE = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris
spec:
  predictor:
    model:
      modelFormat:
        name: sklearn
      storageUri: gs://bucket/iris
"""
OTHERS = """
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {token: abc}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: words}
data: {a: b}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: runner}
secrets: [{name: keys}]
---
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: {name: own}
spec:
  supportedModelFormats: [{name: mine, autoSelect: true}]
  containers: [{name: kserve-container, image: own:1}]
---
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterServingRuntime
metadata: {name: shared}
spec:
  containers: [{name: kserve-container, image: shared:1}]
"""


def _kinds(documents: tuple[manifest.Document, ...]) -> list[type]:
    return [type(document.resource) for document in documents]


def _error(text: str) -> str:
    with pytest.raises(ManifestError) as caught:
        manifest.parse_text(text, "x.yaml")
    return str(caught.value)


def test_several_documents_of_several_kinds_come_in_the_order_of_the_file() -> None:
    documents = manifest.parse_text(f"{SERVICE}\n---\n{OTHERS}", "x.yaml")
    assert _kinds(documents) == [InferenceService, Secret, ConfigMap, ServiceAccount, ServingRuntime, ServingRuntime]


def test_files_are_read_in_order_and_one_with_a_byte_order_mark_too(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(SERVICE, encoding="utf-8-sig")
    second.write_text(OTHERS)
    assert len(manifest.read([first, second])) == 6


def test_input_json_beside_a_file_is_the_warm_up_of_its_only_service(tmp_path: Path) -> None:
    file, body = tmp_path / "a.yaml", tmp_path / "input.json"
    file.write_text(f"{SERVICE}\n---\n{OTHERS}")
    assert manifest.read([file])[0].warmup is None
    body.write_text("{}")
    assert [document.warmup for document in manifest.read([file])] == [body, None, None, None, None, None]
    file.write_text(f"{SERVICE}\n---\n{SERVICE.replace('iris', 'rose')}")
    assert [document.warmup for document in manifest.read([file])] == [None, None]


def test_one_service_twice_is_an_error_that_names_both_places(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(SERVICE)
    second.write_text(SERVICE)
    with pytest.raises(ManifestError) as caught:
        manifest.read([first, second])
    assert str(caught.value) == (
        f"{second}:5: metadata.name: InferenceService default/iris is given twice, first in {first}:2; "
        "remove or rename one"
    )


def test_the_same_name_in_another_namespace_is_another_service() -> None:
    other = SERVICE.replace("name: iris", "name: iris\n  namespace: garden")
    assert len(manifest.parse_text(f"{SERVICE}\n---\n{other}", "x.yaml")) == 2


def test_what_kubectl_adds_to_a_live_object_is_read_without_a_word() -> None:
    text = (
        SERVICE.replace("name: iris", "name: iris\n  uid: u\n  generation: 1\n  managedFields: []")
        + "status: {url: x}\n"
    )
    assert manifest.parse_text(text, "x.yaml")[0].notices == ()


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    for file, said in ((tmp_path / "no.yaml", "No such file"), (tmp_path, "Is a directory"), (binary, "no UTF-8")):
        with pytest.raises(ManifestError) as caught:
            manifest.read([file])
        assert str(caught.value).startswith(str(file))
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: InferenceService", "kind: InferenceServce", "did you mean InferenceService?"),
        ("kind: InferenceService", "kind: Zebra", 'x.yaml:3: kind: unknown kind "Zebra"; the kinds read here are'),
        ("kind: InferenceService", "kind: InferenceGraph", "is a kind of KServe that does not run here"),
        ("kind: InferenceService", "knd: InferenceService", "kind: is missing; `knd` looks like it"),
        ("kind: InferenceService", "kind: [a]", "kind: has to be text"),
        ("v1beta1", "v1beta2", '"serving.kserve.io/v1beta2" is no version of InferenceService; write serving.kserve'),
        (
            "modelFormat:",
            "modelFromat:",
            "x.yaml:9: spec.predictor.model.modelFromat: unknown field; did you mean `modelF",
        ),
        ("storageUri: gs", "minReplicas: 1 # gs", "unknown field here; it belongs at `spec.predictor.minReplicas`"),
        ("storageUri: gs://bucket/iris", "env: [{nam: a}]", "spec.predictor.model.env[0].nam: unknown field"),
        ("storageUri: gs://bucket/iris", "args: [--port, 80]", "args[1]: is the number 80; it has to be text"),
        ("storageUri: gs://bucket/iris", "storage: {ky: a}", "model.storage.ky: unknown field; did you mean `key`?"),
        ("    model:", "    workerSpec: {size: 2}\n    model:", "several nodes cannot run on one machine"),
        ("    model:", "    hostNetwork: true\n    model:", "spec.predictor.hostNetwork: a unit is not a pod here"),
    ],
)
def test_a_mistake_is_told_with_its_line_path_and_mend(old: str, new: str, said: str) -> None:
    assert said in _error(SERVICE.replace(old, new, 1))


def test_a_file_without_a_document_is_an_error() -> None:
    assert _error("# nothing\n") == "x.yaml: there is no document in it; write an InferenceService"
    assert "a document has to be a mapping" in _error("- a\n")
