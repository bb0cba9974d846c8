"""The webhook's rules of storage addresses: one way of writing them, and where several are mounted.

Source: validateMultipleStorageURIs in pkg/apis/serving/v1beta1/inference_service_validation.go, validateStorageSpec in
component.go.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from isvc.errors import ManifestError
from isvc.manifest.documents import ComponentFields, Document, FrameworkSpec, PredictorSpec, StorageUri

_SPEC_SCHEMES = ("s3://", "hdfs://", "webhdfs://")
_SPEC_TYPES = ("s3", "hdfs", "webhdfs")
_BOTH = "Setting both StorageURI and StorageURIs is not supported.; keep one"

Steps = tuple[str | int, ...]


def check_storage(document: Document, component: ComponentFields, steps: Steps) -> None:
    if isinstance(component, PredictorSpec):
        fields: dict[str, FrameworkSpec] = {**component.frameworks()}
        if component.model is not None:
            fields["model"] = component.model
        for field, spec in fields.items():
            if spec.storage_uri is not None and component.storage_uris:
                raise ManifestError(_BOTH, document.place(*steps, "storageUris"))
            _check_spec(document, spec, (*steps, field))
    for container in component.containers:
        if component.storage_uris and any(variable.name == "STORAGE_URI" for variable in container.env):
            raise ManifestError(_BOTH, document.place(*steps, "storageUris"))
    _check_several(document, component.storage_uris, (*steps, "storageUris"))


def _check_spec(document: Document, spec: FrameworkSpec, steps: Steps) -> None:
    storage = spec.storage
    if storage is None:
        return
    if spec.storage_uri is not None:
        if not spec.storage_uri.startswith(_SPEC_SCHEMES):
            message = (
                f"storageUri, must be one of: [{', '.join(_SPEC_SCHEMES)}] or match "
                "https://{}.blob.core.windows.net/{}/{} or be an absolute or relative local path. "
                f"StorageUri [{spec.storage_uri}] is not supported beside `storage`; keep one of the two"
            )
            raise ManifestError(message, document.place(*steps, "storageUri"))
        if storage.path is not None:
            message = "storageUri and storage.path both say where the model is; keep one"
            raise ManifestError(message, document.place(*steps, "storage", "path"))
    kind = (storage.parameters or {}).get("type", "s3")
    if kind not in _SPEC_TYPES:
        message = (
            f"storage.spec.type, must be one of: [{', '.join(_SPEC_SCHEMES)}]. storage.spec.type [{kind}] is not "
            "supported"
        )
        raise ManifestError(message, document.place(*steps, "storage", "parameters", "type"))


def _check_several(document: Document, several: Sequence[StorageUri], steps: Steps) -> None:
    for index, one in enumerate(several):
        _check_one(document, one, (*steps, index))
    fetched = [one.mount_path for one in several if not one.uri.startswith("pvc://")]
    claims = [one.mount_path for one in several if one.uri.startswith("pvc://")]
    if len(fetched) <= 1:
        return
    if len(set(claims)) < len(claims):
        raise ManifestError("PVC storage paths must be unique", document.place(*steps))
    if common_parent(fetched) == "/":
        paths = " ".join(fetched)
        message = (
            f"storage paths must have a common parent directory. Current paths: [{paths}] have no common parent beyond "
            "root; put them below one, such as /mnt/models"
        )
        raise ManifestError(message, document.place(*steps))


def _check_one(document: Document, one: StorageUri, steps: Steps) -> None:
    if not one.uri:
        raise ManifestError("storage URI cannot be empty; write the model's address", document.place(*steps, "uri"))
    message = ""
    if one.mount_path == "/":
        message = "storage path cannot be empty; write a folder such as /mnt/models"
    elif not one.mount_path.startswith("/"):
        message = f"storage path must be absolute: {one.mount_path}"
    elif ".." in one.mount_path:
        message = f"storage path cannot contain '..' for security reasons: {one.mount_path}"
    if message:
        raise ManifestError(message, document.place(*steps, "mountPath"))


def common_parent(paths: Sequence[str]) -> str:
    """The folder above, or of, all `paths`: what KServe mounts one volume at."""
    return posixpath.commonpath([posixpath.normpath(path) for path in paths])
