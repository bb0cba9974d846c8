"""What a component has fetched before it starts: which addresses, into which folder, mounted where.

Source: pkg/webhook/admission/pod/storage_initializer_injector.go; pkg/credentials/ for `storage`.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from isvc.errors import Place, PlanError
from isvc.manifest.documents import FrameworkSpec, StorageSpec, StorageUri
from isvc.manifest.nodes import nearest
from isvc.manifest.rules_storage import common_parent
from isvc.plan.credentials import SECRET_NAME
from isvc.plan.environment import Scope, Steps, data
from isvc.plan.storage import Source, initializer, source
from isvc.plan.units import Directory, Folder, Mount, Unit, Word
from isvc.plan.words import MODELS_PATH
from isvc.settings import Settings

READONLY = "storage.kserve.io/readonly"


@dataclass(frozen=True, slots=True)
class Fetch:
    """The unit that fetches, and the mount that shows what it fetched."""

    unit: Unit
    mount: Mount
    notices: tuple[str, ...] = ()

    @property
    def paths(self) -> dict[str, Directory | Folder]:
        return {self.mount.path: self.mount.directory}


def fetch_one(scope: Scope, name: str, uri: str, directory: Directory, settings: Settings, place: Place) -> Fetch:
    """`uri` at /mnt/models. Raises PlanError."""
    fetched = source(uri, settings, place)
    mount = Mount(directory, MODELS_PATH, read_only=scope.metadata.annotation(READONLY).lower() != "false")
    return Fetch(initializer(name, fetched, directory), mount, (fetched.notice,) if fetched.notice else ())


def fetch_several(
    scope: Scope, name: str, uris: Sequence[StorageUri], directory: Directory, settings: Settings, path: Steps
) -> Fetch:
    """`storageUris`: one volume at the folder above all of them, by one initializer. Raises PlanError."""
    parent = common_parent([uri.mount_path for uri in uris])
    sources = [
        source(uri.uri, settings, scope.document.place(*path, "storageUris", index, "uri"))
        for index, uri in enumerate(uris)
    ]
    pairs = [_pair(fetched, uri, parent, directory) for fetched, uri in zip(sources, uris, strict=True)]
    unit = initializer(name, sources[0], directory)
    unit = replace(unit, command=(unit.command[0], *(word for pair in pairs for word in pair)))
    mount = Mount(directory, parent, read_only=scope.metadata.annotation(READONLY).lower() != "false")
    notices = [fetched.notice for fetched in sources if fetched.notice]
    notices += [
        f"storageUris: {uri.uri}: on a cluster the path behind the claim is dropped, the whole volume mounted"
        for uri in uris
        if uri.uri.startswith("pvc://") and uri.uri.removeprefix("pvc://").strip("/").count("/")
    ]
    return Fetch(unit, mount, tuple(dict.fromkeys(notices)))


def _pair(fetched: Source, uri: StorageUri, parent: str, directory: Directory) -> tuple[Word, Word]:
    below = posixpath.relpath(posixpath.normpath(uri.mount_path), parent)
    return (fetched.location,), (directory,) if below == "." else (directory, f"/{below}")


def fetch_model(
    scope: Scope,
    name: str,
    spec: FrameworkSpec,
    uris: Sequence[StorageUri],
    directory: Directory,
    settings: Settings,
    steps: tuple[Steps, Steps],
) -> Fetch | None:
    """What a predictor's model fields ask for; `steps` lead to the component and to the field. Raises PlanError."""
    component, field = steps
    if uris:
        return fetch_several(scope, name, uris, directory, settings, component)
    if spec.storage_uri:
        return fetch_one(scope, name, spec.storage_uri, directory, settings, scope.document.place(*field, "storageUri"))
    if spec.storage is not None:
        return _fetch_by_key(scope, name, spec.storage, directory, settings, scope.document.place(*field, "storage"))
    return None


def _fetch_by_key(
    scope: Scope, name: str, spec: StorageSpec, directory: Directory, settings: Settings, place: Place
) -> Fetch:
    """`storage`: an entry of the secret says the store, and with which credentials."""
    entry = _entry(spec, scope, place)
    told = {**entry, **(spec.parameters or {})}
    kind, bucket = told.get("type", "s3"), told.get("bucket", "")
    if not bucket:
        raise PlanError("no bucket is named: neither in the secret's entry nor in storage.parameters", place)
    uri = f"{kind}://{bucket}/{(spec.path or '').lstrip('/')}"
    fetch = fetch_one(scope, name, uri, directory, settings, place)
    environment: tuple[tuple[str, Word], ...] = tuple((name, (value,)) for name, value in _named(_PLACES, told))
    unit = replace(
        fetch.unit,
        environment=(*fetch.unit.environment, *environment),
        secrets=(*fetch.unit.secrets, *_named(_KEYS, told)),
    )
    return replace(fetch, unit=unit)


def _named(names: Mapping[str, str], told: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(variable, told[key]) for key, variable in names.items() if told.get(key)]


_KEYS = {"access_key_id": "AWS_ACCESS_KEY_ID", "secret_access_key": "AWS_SECRET_ACCESS_KEY"}
_PLACES = {
    "endpoint_url": "AWS_ENDPOINT_URL",
    "region": "AWS_DEFAULT_REGION",
    "anonymous": "awsAnonymousCredential",
    "cabundle_configmap": "AWS_CA_BUNDLE_CONFIGMAP",
}
"""Keys of an entry of `storage-config`, and the variables that a downloader of S3 reads them from."""


def _entry(spec: StorageSpec, scope: Scope, place: Place) -> dict[str, str]:
    secret = scope.metadata.annotation(SECRET_NAME) or "storage-config"
    values = data("Secret", secret, scope)
    if values is None:
        message = f"there is no Secret {scope.metadata.namespace}/{secret}; add it to the files given"
        raise PlanError(message, place)
    kind = (spec.parameters or {}).get("type", "")
    wanted = spec.key or (f"default_{kind}" if f"default_{kind}" in values else "default")
    if wanted not in values:
        similar = nearest(wanted, values)
        mend = f"did you mean {similar}?" if similar else f"it has {', '.join(values) or 'none'}"
        raise PlanError(f"the Secret {secret} has no key {wanted}; {mend}", place)
    return _parsed(values[wanted], f"the key {wanted} of the Secret {secret}", place)


def _parsed(text: str, what: str, place: Place) -> dict[str, str]:
    try:
        entry = json.loads(text)
    except ValueError as exc:
        raise PlanError(f"{what} is not JSON; write an object with type, bucket and credentials", place) from exc
    if not isinstance(entry, dict):
        raise PlanError(f"{what} is no JSON object; write one with type, bucket and credentials", place)
    return {str(key): value if isinstance(value, str) else json.dumps(value) for key, value in entry.items()}
