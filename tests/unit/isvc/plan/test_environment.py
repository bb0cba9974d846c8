from __future__ import annotations

import pytest

from isvc import manifest
from isvc.errors import PlanError
from isvc.manifest import InferenceService
from isvc.plan.environment import Scope, variables

TEXT = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {{name: iris, labels: {{colour: blue}}}}
spec: {{predictor: {{sklearn: {{storageUri: gs://a/b, env: {env}}}}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: keys}}
data: {{token: YWJj, broken: "***"}}
stringData: {{plain: text}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: words}}
data: {{greeting: hello}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: far, namespace: away}}
data: {{greeting: hello}}
"""


def _variables(env: str) -> dict[str, str]:
    documents = manifest.parse_text(TEXT.format(env=env), "x.yaml")
    service = documents[0].resource
    assert isinstance(service, InferenceService)
    assert service.spec.predictor.sklearn is not None
    declared = service.spec.predictor.sklearn.env
    return variables(declared, Scope(documents[0], documents), ("spec", "predictor", "sklearn"))


def test_values_may_refer_to_earlier_ones() -> None:
    env = "[{name: A, value: '1'}, {name: B, value: $(A)$(C)}, {name: C}]"
    assert _variables(env) == {"A": "1", "B": "1$(C)", "C": ""}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("configMapKeyRef: {name: words, key: greeting}", "hello"),
        ("secretKeyRef: {name: keys, key: plain}", "text"),
        ("fieldRef: {fieldPath: metadata.name}", "iris"),
        ("fieldRef: {fieldPath: metadata.namespace}", "default"),
        ("fieldRef: {fieldPath: \"metadata.labels['colour']\"}", "blue"),
    ],
)  # fmt: skip
def test_a_reference_is_looked_up_in_the_documents(source: str, expected: str) -> None:
    text = TEXT.replace('broken: "***"', "other: eA==")
    documents = manifest.parse_text(text.format(env=f"[{{name: A, valueFrom: {{{source}}}}}]"), "x.yaml")
    service = documents[0].resource
    assert isinstance(service, InferenceService)
    assert service.spec.predictor.sklearn is not None
    found = variables(service.spec.predictor.sklearn.env, Scope(documents[0], documents), ())
    assert found == {"A": expected}


def test_an_optional_reference_may_lead_nowhere() -> None:
    assert _variables("[{name: A, valueFrom: {configMapKeyRef: {name: none, key: b, optional: true}}}]") == {}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("configMapKeyRef: {name: none, key: a}", "A: there is no ConfigMap default/none; add it to the files given"),
        ("configMapKeyRef: {name: far, key: greeting}", "there is no ConfigMap default/far"),
        ("configMapKeyRef: {name: words, key: greting}", "has no key greting; did you mean greeting?"),
        ("configMapKeyRef: {name: words, key: zzz}", "has no key zzz; it has greeting"),
        ("secretKeyRef: {name: keys, key: token}", "data.broken: is no text in base64"),
        ("fieldRef: {fieldPath: spec.nodeName}", "the field spec.nodeName is not there to be read"),
        ("", "A: valueFrom is empty"),
    ],
)
def test_a_reference_to_nothing_is_an_error(source: str, said: str) -> None:
    with pytest.raises(PlanError) as caught:
        _variables(f"[{{name: A, valueFrom: {{{source}}}}}]")
    assert said in str(caught.value)
