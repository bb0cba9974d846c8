"""`https://<account>.blob.core.windows.net/<container>/<prefix>`: Azure Blob Storage.

Credentials: a signature in the address's query, AZURE_STORAGE_ACCESS_KEY, AZURE_STORAGE_SAS_TOKEN, or the principal in
AZURE_CLIENT_ID, AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE, and AZURE_TENANT_ID, each also as AZ_...; or none.
AZURE_STORAGE_ENDPOINT leads elsewhere, to Azurite for one. Its ETags are no checksums, and obstore shows no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from obstore.store import AzureStore

from storage_init.address import Address
from storage_init.errors import AddressInvalid
from storage_init.schemes.bucket import NO_RETRIES, Bucket, client_options, endpoint_of, usable
from storage_init.schemes.scheme import Scheme
from storage_init.schemes.shelf import Shelves
from storage_init.settings import Settings, number

_MEND = "Set AZURE_STORAGE_ACCESS_KEY, or AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID."
_PRINCIPAL = ("CLIENT_ID", "CLIENT_SECRET", "TENANT_ID", "FEDERATED_TOKEN_FILE")


def open(settings: Settings) -> Scheme:
    return Shelves(connect, settings)


def connect(address: Address, settings: Settings) -> Bucket:
    parts = urlsplit(address.text)
    account = parts.netloc.partition(".")[0]
    container, _, prefix = unquote(parts.path).lstrip("/").partition("/")
    if not container:
        raise AddressInvalid(f"'{address.shown}' names no container; write https://{parts.netloc}/container/folder.")
    environment = settings.environment
    files = number(environment, "AZURE_MAX_FILE_CONCURRENCY", settings.files_at_once)
    settings = replace(settings, files_at_once=files)
    endpoint = endpoint_of(environment, "AZURE_STORAGE_ENDPOINT") or f"https://{parts.netloc}"
    with usable(address.shown, _MEND):
        store = AzureStore(
            container,
            client_options=client_options(settings, environment),
            retry_config=NO_RETRIES,
            account_name=account,
            endpoint=endpoint.rstrip("/"),
            **_credentials(environment, parts.query),
        )
    identity = f"azure {endpoint} {account}/{container}"
    return Bucket(
        store, prefix.strip("/"), prefix.endswith("/"), identity, address.shown, _MEND, settings, etag_is_md5=False
    )


def _credentials(environment: Mapping[str, str], query: str) -> dict[str, Any]:
    signature = query or environment.get("AZURE_STORAGE_SAS_TOKEN", "").lstrip("?")
    if signature:
        return {"sas_key": signature}
    if key := environment.get("AZURE_STORAGE_ACCESS_KEY") or environment.get("AZURE_STORAGE_ACCOUNT_KEY"):
        return {"account_key": key}
    principal = {
        name.lower(): value
        for name in _PRINCIPAL
        if (value := environment.get(f"AZURE_{name}") or environment.get(f"AZ_{name}"))
    }
    complete = "tenant_id" in principal and ("client_secret" in principal or "federated_token_file" in principal)
    return principal if complete else {"skip_signature": True}
