"""`s3://bucket/prefix`: S3 and what speaks it, with the environment that KServe gives its storage initializer.

Credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a web identity or container role, else a profile of
~/.aws/credentials; none of these, or `awsAnonymousCredential`: asked without. Instance metadata is not asked: off EC2
that is a wait for nobody.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from obstore.store import S3Store

from storage_init.address import Address
from storage_init.errors import AddressInvalid
from storage_init.schemes.bucket import NO_RETRIES, Bucket, client_options, endpoint_of, split, usable
from storage_init.schemes.scheme import Scheme
from storage_init.schemes.shelf import Shelves
from storage_init.settings import Settings, number, waits

_MEND = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL if it is no bucket of AWS."
_ROLES = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")


def open(settings: Settings) -> Scheme:
    return Shelves(connect, settings)


def connect(address: Address, settings: Settings) -> Bucket:
    name, prefix, only_below = split(address)
    environment = settings.environment
    settings = _tuned(settings)
    endpoint = endpoint_url(environment)
    options = client_options(settings, environment)
    if endpoint.startswith("https:") and _said(environment, "S3_VERIFY_SSL", "1") in ("0", "false"):
        options["allow_invalid_certificates"] = True
    if bundle := _bundle(environment):
        options["root_certificate"] = bundle
    with usable(address.shown, _MEND):
        store = S3Store(
            name,
            client_options=options,
            retry_config=NO_RETRIES,
            region=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1",
            virtual_hosted_style_request=_virtual(environment),
            **_endpoint(endpoint, name, environment),
            **_credentials(environment),
        )
    identity = f"s3 {endpoint or 'https://s3.amazonaws.com'} {name}"
    return Bucket(store, prefix, only_below, identity, address.shown, _MEND, settings)


def _tuned(settings: Settings) -> Settings:
    """`settings`, with what KServe's variables say: they are S3's own, and go before the command line's."""
    numbers = partial(number, settings.environment)
    attempts = numbers("S3_MAX_ATTEMPTS", len(settings.backoff) + 1)
    return replace(
        settings,
        files_at_once=numbers("S3_MAX_FILE_CONCURRENCY", settings.files_at_once),
        connect_timeout=numbers("S3_CONNECT_TIMEOUT", settings.connect_timeout),
        read_timeout=numbers("S3_READ_TIMEOUT", settings.read_timeout),
        backoff=waits(int(attempts) - 1),
    )


def endpoint_url(environment: Mapping[str, str]) -> str:
    """Empty for AWS itself. S3_ENDPOINT is a host to which S3_USE_HTTPS gives the scheme, unless it has one."""
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        if found := endpoint_of(environment, name):
            return found
    host = environment.get("S3_ENDPOINT", "").rstrip("/")
    if not host and _said(environment, "S3_USE_ACCELERATE", "0") in ("1", "true"):
        return "https://s3-accelerate.amazonaws.com"
    if not host or "://" in host:
        return host
    return f"{'http' if _said(environment, 'S3_USE_HTTPS', '1') in ('0', 'false') else 'https'}://{host}"


def _virtual(environment: Mapping[str, str]) -> bool:
    # KServe's name for it lacks the L that it should have; both are read.
    names = ("S3_USER_VIRTUAL_BUCKET", "S3_USE_VIRTUAL_BUCKET", "S3_USE_ACCELERATE")
    return any(_said(environment, name, "0") in ("1", "true") for name in names)


def _endpoint(endpoint: str, bucket: str, environment: Mapping[str, str]) -> dict[str, Any]:
    if not endpoint:
        return {}
    scheme, _, host = endpoint.partition("://")
    # obstore takes a virtual host as it is, bucket included.
    return {"endpoint": f"{scheme}://{bucket}.{host}" if _virtual(environment) else endpoint}


def _credentials(environment: Mapping[str, str]) -> dict[str, Any]:
    if _said(environment, "awsAnonymousCredential", "false") in ("1", "true"):
        return {"skip_signature": True}
    if environment.get("AWS_ACCESS_KEY_ID") and environment.get("AWS_SECRET_ACCESS_KEY"):
        return _keys({name.lower(): value for name, value in environment.items() if name.startswith("AWS_")})
    if any(environment.get(name) for name in _ROLES):
        return {}  # obstore reads them where they stand
    return _keys(_profile(environment)) or {"skip_signature": True}


def _keys(found: Mapping[str, str]) -> dict[str, Any]:
    if not found.get("aws_access_key_id") or not found.get("aws_secret_access_key"):
        return {}
    keys = {"access_key_id": found["aws_access_key_id"], "secret_access_key": found["aws_secret_access_key"]}
    token = found.get("aws_session_token")
    return {**keys, **({"session_token": token} if token else {})}


def _profile(environment: Mapping[str, str]) -> Mapping[str, str]:
    named = environment.get("AWS_SHARED_CREDENTIALS_FILE")
    file = Path(named) if named else Path(environment.get("HOME", "/")) / ".aws" / "credentials"
    profiles = configparser.ConfigParser(interpolation=None)
    try:
        profiles.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as exc:
        raise AddressInvalid(f"{file} cannot be read as AWS credentials: {type(exc).__name__}; mend it.") from exc
    profile = environment.get("AWS_PROFILE", "default")
    return dict(profiles[profile]) if profiles.has_section(profile) else {}


def _bundle(environment: Mapping[str, str]) -> bytes | None:
    """The certificates to trust besides the system's: AWS_CA_BUNDLE, or where KServe mounts its config map of them."""
    file = environment.get("AWS_CA_BUNDLE", "")
    if not file and environment.get("AWS_CA_BUNDLE_CONFIGMAP"):
        file = f"{environment.get('CA_BUNDLE_VOLUME_MOUNT_POINT', '/etc/ssl/custom-certs')}/cabundle.crt"
    return Path(file).read_bytes() if file else None


def _said(environment: Mapping[str, str], name: str, default: str) -> str:
    return environment.get(name, default).strip().lower()
