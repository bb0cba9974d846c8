from isvc import manifest
from isvc.explain.here import ShownSite, here
from isvc.explain.secrets import hide, hide_in_unit, values
from isvc.plan import build
from isvc.settings import Settings

YAML = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: iris}
spec:
  predictor:
    serviceAccountName: sa
    model:
      modelFormat: {name: onnx}
      protocolVersion: v2
      storageUri: s3://models/a
      env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: keys, key: token}}}]
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: sa}, secrets: [{name: keys}]}
---
{apiVersion: v1, kind: Secret, metadata: {name: keys}, stringData: {token: a-long-token, HF_TOKEN: hf, one: "1"}}
"""


def test_no_value_of_a_secret_is_shown_of_any_unit() -> None:
    documents = manifest.parse_text(YAML, "x.yaml")
    (service,) = build(documents, Settings()).services
    secrets = values(documents)
    shown = {one.unit.name: dict(hide_in_unit(one, secrets).variables) for one in here(service, ShownSite({}, "/"))}
    assert shown["iris-predictor"]["TOKEN"] == "***"
    assert shown["iris-storage-initializer"]["HF_TOKEN"] == "***"


def test_a_long_secret_is_found_inside_other_text_and_a_short_one_is_not() -> None:
    secrets = ("a-long-token", "1")
    assert hide("Bearer a-long-token", secrets) == "Bearer ***"
    assert (hide("1", secrets), hide("port 1", secrets)) == ("***", "port 1")
