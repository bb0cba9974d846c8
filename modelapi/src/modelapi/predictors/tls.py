"""Whom to trust at the other end: the CA bundle of the environment, else the system's.

`REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE` are the variables that KServe reads; `SSL_CERT_FILE` is OpenSSL's own.
"""

import os
import ssl
from pathlib import Path


def context() -> ssl.SSLContext:
    """A client's TLS settings for REST."""
    bundle = _named_bundle()
    return ssl.create_default_context() if bundle is None else context_of(bundle)


def context_of(bundle: Path) -> ssl.SSLContext:
    """A client's TLS settings that trust the CA certificates in a file, or in a folder of hashed names."""
    if bundle.is_dir():
        return ssl.create_default_context(capath=str(bundle))
    return ssl.create_default_context(cafile=str(bundle))


def grpc_context() -> ssl.SSLContext:
    """A client's TLS settings for gRPC, which is spoken on HTTP/2 alone."""
    settings = context()
    settings.set_alpn_protocols(["h2"])
    return settings


def _named_bundle() -> Path | None:
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return Path(named) if named else None
