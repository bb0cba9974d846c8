"""A ServiceAccount's secrets, or the one that an annotation names -> variables of the storage initializer.

What stands in a Secret is kept apart from the other variables of a unit (`Unit.secrets`). What is not found is said and
asked for without, as in KServe. Source: pkg/credentials/service_account_credentials.go, pkg/credentials/{s3,gcs,azure,
https,hf,git}/.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from isvc.manifest.containers import PodFields
from isvc.manifest.documents import Metadata, Secret, ServiceAccount
from isvc.plan.component import Planned
from isvc.plan.environment import Scope, data
from isvc.plan.units import Component, Unit

SECRET_NAME = "serving.kserve.io/storageSecretName"  # noqa: S105  # the annotation's name, no secret
_PREFIX = "serving.kserve.io/s3-"
_ANNOTATIONS = {
    "s3-region": "AWS_DEFAULT_REGION",
    "s3-usehttps": "S3_USE_HTTPS",
    "s3-verifyssl": "S3_VERIFY_SSL",
    "s3-usevirtualbucket": "S3_USER_VIRTUAL_BUCKET",
    "s3-useaccelerate": "S3_USE_ACCELERATE",
    "s3-useanoncredential": "awsAnonymousCredential",
    "s3-cabundle": "AWS_CA_BUNDLE",
    "s3-cabundle-configmap": "AWS_CA_BUNDLE_CONFIGMAP",
}
"""Of the Secret, below serving.kserve.io/, and what KServe calls the variable."""
_KEYS = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID"),
    *("AZ_CLIENT_ID", "AZ_CLIENT_SECRET", "AZ_TENANT_ID", "AZ_SUBSCRIPTION_ID", "AZURE_STORAGE_ACCESS_KEY"),
    *("HF_TOKEN", "GIT_USERNAME", "GIT_PASSWORD"),
)
_OTHERWISE_CALLED = {
    "awsAccessKeyID": "AWS_ACCESS_KEY_ID",
    "awsSecretAccessKey": "AWS_SECRET_ACCESS_KEY",
    "gcloud-application-credentials.json": "GOOGLE_SERVICE_ACCOUNT_KEY",  # a variable, where KServe mounts a file
}
_HTTPS_HOST, _HTTPS_HEADERS = "https-host", "headers"


def with_credentials(planned: Planned, fields: PodFields, scope: Scope) -> Planned:
    """`planned`, with what its initializers may know; nothing changes where it has none."""
    if not any(unit.component is Component.STORAGE_INITIALIZER for unit in planned.before):
        return planned
    names, missing = _secrets(fields, scope)
    secret: dict[str, str] = {}
    plain: dict[str, str] = {}
    for name in names:
        found = data("Secret", name, scope)
        if found is None:
            missing.append(f"there is no Secret {scope.metadata.namespace}/{name} in the files given")
            continue
        secret |= _of_keys(found)
        plain |= _of_annotations(_metadata(name, scope))
    notices = tuple(f"credentials: {why}; the store is asked with what your environment has" for why in missing)
    before = tuple(_told(unit, plain, secret) for unit in planned.before)
    return replace(planned, before=before, notices=(*planned.notices, *notices))


def _secrets(fields: PodFields, scope: Scope) -> tuple[list[str], list[str]]:
    """The names of the secrets, and what was named and is not there."""
    if annotated := scope.metadata.annotation(SECRET_NAME):
        return [annotated], []
    name = fields.service_account_name or "default"
    for document in scope.documents:
        if document.key == ("ServiceAccount", scope.metadata.namespace, name):
            account = document.resource
            assert isinstance(account, ServiceAccount)  # noqa: S101 - by its kind
            return [secret.name for secret in account.secrets], []
    if fields.service_account_name is None:
        return [], []
    return [], [f"there is no ServiceAccount {scope.metadata.namespace}/{name} in the files given"]


def _metadata(name: str, scope: Scope) -> Metadata:
    return next(
        document.resource.metadata
        for document in scope.documents
        if isinstance(document.resource, Secret) and document.key[1:] == (scope.metadata.namespace, name)
    )


def _of_keys(found: Mapping[str, str]) -> dict[str, str]:
    known = {name: found[name] for name in _KEYS if found.get(name)}
    known |= {variable: found[key] for key, variable in _OTHERWISE_CALLED.items() if found.get(key)}
    if found.get(_HTTPS_HOST):
        known[f"{found[_HTTPS_HOST].strip()}-headers"] = json.dumps(_headers(found.get(_HTTPS_HEADERS, "")))
    return known


def _headers(text: str) -> dict[str, str]:
    lines = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, colon, value in lines if colon}


def _of_annotations(metadata: Metadata) -> dict[str, str]:
    known = {
        variable: value
        for name, variable in _ANNOTATIONS.items()
        if (value := metadata.annotation(f"serving.kserve.io/{name}"))
    }
    if endpoint := metadata.annotation(f"{_PREFIX}endpoint"):
        scheme = "http" if known.get("S3_USE_HTTPS") == "0" else "https"
        known |= {"S3_ENDPOINT": endpoint, "AWS_ENDPOINT_URL": f"{scheme}://{endpoint}"}
    return known


def _told(unit: Unit, plain: Mapping[str, str], secret: Mapping[str, str]) -> Unit:
    """What the unit was told already, by `storage`, goes before."""
    if unit.component is not Component.STORAGE_INITIALIZER:
        return unit
    environment = {**{name: (value,) for name, value in plain.items()}, **dict(unit.environment)}
    return replace(
        unit,
        environment=tuple(environment.items()),
        secrets=tuple({**secret, **dict(unit.secrets)}.items()),
    )
