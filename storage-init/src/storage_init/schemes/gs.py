"""`gs://bucket/prefix`: Google Cloud Storage.

Credentials: a service account's key in GOOGLE_SERVICE_ACCOUNT_KEY, the file that GOOGLE_APPLICATION_CREDENTIALS names,
else gcloud's own; without any the bucket is asked anonymously, and no metadata server, which off Google's machines is a
wait for nobody. STORAGE_EMULATOR_HOST leads elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from obstore.store import GCSStore

from storage_init.address import Address
from storage_init.errors import FilesystemFailed
from storage_init.schemes.bucket import NO_RETRIES, Bucket, client_options, split, usable
from storage_init.schemes.scheme import Scheme
from storage_init.schemes.shelf import Shelves
from storage_init.settings import Settings

_MEND = "Set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account that may read the bucket."


def open(settings: Settings) -> Scheme:
    return Shelves(connect, settings)


def connect(address: Address, settings: Settings) -> Bucket:
    name, prefix, only_below = split(address)
    environment = settings.environment
    emulator = environment.get("STORAGE_EMULATOR_HOST", "").rstrip("/")
    if emulator and "://" not in emulator:
        emulator = f"http://{emulator}"
    with usable(address.shown, _MEND):
        store = GCSStore(
            name,
            client_options=client_options(settings, environment),
            retry_config=NO_RETRIES,
            **({"base_url": emulator, "skip_signature": True} if emulator else _credentials(environment)),
        )
    identity = f"gs {emulator or 'https://storage.googleapis.com'} {name}"
    return Bucket(store, prefix, only_below, identity, address.shown, _MEND, settings)


def _credentials(environment: Mapping[str, str]) -> dict[str, Any]:
    if key := environment.get("GOOGLE_SERVICE_ACCOUNT_KEY"):
        return {"service_account_key": key}
    named = environment.get("GOOGLE_APPLICATION_CREDENTIALS")
    if named and not Path(named).is_file():
        raise FilesystemFailed(f"GOOGLE_APPLICATION_CREDENTIALS names {named}, and there is no such file; mend it.")
    config = environment.get("CLOUDSDK_CONFIG") or f"{environment.get('HOME', '/')}/.config/gcloud"
    file = named or f"{config}/application_default_credentials.json"
    return {"application_credentials": file} if Path(file).is_file() else {"skip_signature": True}
