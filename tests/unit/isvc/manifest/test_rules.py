"""The rules of KServe's admission webhooks, in their words."""

from __future__ import annotations

import pytest

from isvc import manifest
from isvc.errors import ManifestError

TEXT = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  predictor: {predictor}
{more}
"""
MODEL = "{model: {modelFormat: {name: sklearn}, storageUri: gs://a/b}}"


def _read(name: str = "a", predictor: str = MODEL, more: str = "", namespace: str = "default") -> None:
    manifest.parse_text(TEXT.format(name=name, namespace=namespace, predictor=predictor, more=more), "x.yaml")


@pytest.mark.parametrize("name", ["a", "my-name", "abc-123", "a" * 63])
def test_a_name_of_lower_case_letters_digits_and_dashes_passes(name: str) -> None:
    _read(name)


@pytest.mark.parametrize("name", ["A", "1a", "-a", "a-", "a_b", "a.b", "'a b'", "''", "a" * 64, '"a\\n"'])
def test_any_other_name_is_refused_in_kserves_words(name: str) -> None:
    with pytest.raises(ManifestError, match="is invalid: a InferenceService name must consist of lower case"):
        _read(name)


@pytest.mark.parametrize("namespace", ["A", "a.b", "a/b", "..", "a" * 64])
def test_a_namespace_that_is_none_is_refused(namespace: str) -> None:
    with pytest.raises(ManifestError, match=r"metadata\.namespace: .* is no namespace"):
        _read(namespace=namespace)


@pytest.mark.parametrize(
    ("predictor", "said"),
    [
        ("{}", "spec.predictor: exactly one of [SKLearn,"),
        ("{sklearn: {}, pytorch: {}}", "found sklearn, pytorch; write one"),
        ("{sklearn: {}, model: {modelFormat: {name: a}}}", "found sklearn, model; write one"),
        ("{sklearn: {name: x}}", "the 'name' field is not allowed in standard predictor"),
        ("{sklearn: {protocolVersion: v3}}", "invalid protocol v3. Must be one of [v1, v2, grpc-v1, grpc-v2]"),
        ("{containerConcurrency: -1, sklearn: {}}", "containerConcurrency: parallelism cannot be less than 0"),
        ("{sklearn: {env: [{name: PYTHONPATH, value: x}]}}", "setting PYTHONPATH in container"),
        ("{sklearn: {env: [{name: 'A=B'}]}}", 'env[0].name: "A=B" is no name of a variable'),
        ("{sklearn: {ports: [{containerPort: 70000}]}}", "ports[0].containerPort: 70000 is no port"),
        ("{model: {storageUri: a}}", "spec.predictor.model.modelFormat: is missing"),
    ],
)
def test_a_predictor_against_the_rules_is_refused(predictor: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        _read(predictor=predictor)
    assert said in str(caught.value)
    assert str(caught.value).startswith("x.yaml:6: ")


@pytest.mark.parametrize(
    ("transformer", "said"),
    [
        ("{}", "exactly one of [PodSpec, ComponentExtensionSpec] must be specified in TransformerSpec"),
        ("{containers: []}", "must be specified in TransformerSpec"),
        ("{containers: [{image: a, env: [{name: PYTHONPATH}]}]}", "setting PYTHONPATH in container"),
        ("{containerConcurrency: -1, containers: [{image: a}]}", "parallelism cannot be less than 0"),
    ],
)
def test_a_transformer_against_the_rules_is_refused(transformer: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        _read(more=f"  transformer: {transformer}")
    assert said in str(caught.value)


def test_a_service_without_a_predictor_is_refused() -> None:
    text = TEXT.format(name="a", namespace="default", predictor=MODEL, more="").replace("predictor:", "predictors:")
    with pytest.raises(ManifestError, match=r"spec.predictors: unknown field; did you mean `predictor`\?"):
        manifest.parse_text(text, "x.yaml")
