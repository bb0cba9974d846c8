"""Section 3.3 of the reference: which secrets an initializer is given, and under which names."""

from collections.abc import Callable

import pytest

from isvc.plan.units import ServicePlan, Unit

SPEC = "{predictor: {serviceAccountName: sa, model: {modelFormat: {name: onnx}, protocolVersion: v2, storageUri: 's3://models/a'}}}"
DEFAULT = "{predictor: {model: {modelFormat: {name: onnx}, protocolVersion: v2, storageUri: 's3://models/a'}}}"
ACCOUNT = """
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: %s}, secrets: [{name: keys}]}
"""
SECRET = """
---
{apiVersion: v1, kind: Secret, metadata: {name: keys, annotations: {%s}}, stringData: {%s}}
"""
PAIR = "AWS_ACCESS_KEY_ID: who, AWS_SECRET_ACCESS_KEY: hush"
Plan = Callable[..., ServicePlan]


def initializer(service: ServicePlan) -> Unit:
    return next(unit for unit in service.units if unit.name == "iris-storage-initializer")


@pytest.mark.parametrize(
    ("stored", "given"),
    [
        (PAIR, {"AWS_ACCESS_KEY_ID": "who", "AWS_SECRET_ACCESS_KEY": "hush"}),
        ("AZ_CLIENT_ID: a, AZ_CLIENT_SECRET: b, other: c", {"AZ_CLIENT_ID": "a", "AZ_CLIENT_SECRET": "b"}),
        ("AZURE_STORAGE_ACCESS_KEY: a", {"AZURE_STORAGE_ACCESS_KEY": "a"}),
        ("HF_TOKEN: a", {"HF_TOKEN": "a"}),
        ("GIT_USERNAME: a, GIT_PASSWORD: b", {"GIT_USERNAME": "a", "GIT_PASSWORD": "b"}),
        ("gcloud-application-credentials.json: '{}'", {"GOOGLE_SERVICE_ACCOUNT_KEY": "{}"}),
        (r'https-host: a.com, headers: "x: 1\ny: b:c"', {"a.com-headers": '{"x": "1", "y": "b:c"}'}),
    ],
)
def test_a_service_accounts_secret_reaches_the_initializer_by_kserves_names(
    planned: Plan, stored: str, given: dict[str, str]
) -> None:
    unit = initializer(planned(SPEC, beside=ACCOUNT % "sa" + SECRET % ("", stored)))
    assert dict(unit.secrets) == given
    assert not set(given) & set(dict(unit.environment))


def test_the_secrets_annotations_are_the_endpoint_and_its_ways(planned: Plan) -> None:
    said = {"endpoint": "minio:9000", "usehttps": "0", "region": "eu", "verifyssl": "0", "useanoncredential": "true"}
    annotations = ", ".join(f"serving.kserve.io/s3-{name}: '{value}'" for name, value in said.items())
    unit = initializer(planned(SPEC, beside=ACCOUNT % "sa" + SECRET % (annotations, PAIR)))
    assert dict(unit.environment) == {
        "S3_ENDPOINT": ("minio:9000",),
        "AWS_ENDPOINT_URL": ("http://minio:9000",),
        "S3_USE_HTTPS": ("0",),
        "AWS_DEFAULT_REGION": ("eu",),
        "S3_VERIFY_SSL": ("0",),
        "awsAnonymousCredential": ("true",),
    }


def test_without_a_name_it_is_the_account_default_and_an_annotation_goes_before_any(planned: Plan) -> None:
    by_default = planned(DEFAULT, beside=ACCOUNT % "default" + SECRET % ("", PAIR))
    assert dict(initializer(by_default).secrets)["AWS_ACCESS_KEY_ID"] == "who"
    named = "annotations: {serving.kserve.io/storageSecretName: keys}"
    annotated = planned(SPEC, metadata=named, beside=SECRET % ("", PAIR))
    assert dict(initializer(annotated).secrets)["AWS_ACCESS_KEY_ID"] == "who"
    assert not [notice for notice in annotated.notices if "credentials" in notice]


def test_what_is_named_and_not_there_is_said_and_asked_for_without(planned: Plan) -> None:
    for beside, missing in (("", "ServiceAccount default/sa"), (ACCOUNT % "sa", "Secret default/keys")):
        service = planned(SPEC, beside=beside)
        assert initializer(service).secrets == ()
        assert any(f"there is no {missing}" in notice for notice in service.notices)


def test_a_secret_is_in_no_text_of_a_unit(planned: Plan) -> None:
    service = planned(SPEC, beside=ACCOUNT % "sa" + SECRET % ("", PAIR))
    assert "hush" not in repr(service)
