"""Where a predictor is: `predictor_host` as REST and gRPC need it."""

import re

from yarl import URL

from modelapi.config import PredictorConfig
from modelapi.errors import PredictorNotConfigured

# host or [IPv6], an optional port, an optional path (REST only: an ingress may route by path)
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^\s:/?#\[\]@]+)(?P<port>:\d{1,5})?(?P<path>/[^\s?#]*)?")


def base_url(config: PredictorConfig) -> URL:
    """`http(s)://host[:port][/path]`; the port defaults to 80, or 443 with TLS."""
    _parts(config)
    return URL(config.predictor_base_url.rstrip("/"))


def grpc_target(config: PredictorConfig) -> str:
    """`host:port`; like KServe, a host without port gets `:80`, or `:443` with TLS."""
    name, port, path = _parts(config)
    if path.strip("/"):
        raise PredictorNotConfigured(
            f"predictor_host is {config.predictor_host!r}: gRPC takes host:port, without a path."
        )
    return name + (port or (":443" if config.predictor_use_ssl else ":80"))


def _parts(config: PredictorConfig) -> tuple[str, str, str]:
    host = config.predictor_host
    if host.startswith(("http://", "https://")):
        scheme, _, rest = host.partition("://")
        tls = " and set predictor_use_ssl" if scheme == "https" else ""
        raise PredictorNotConfigured(f"predictor_host is {host!r}: write {rest!r}, without {scheme}://{tls}.")
    match = _HOST.fullmatch(host)
    if match is None or int((match["port"] or ":80")[1:]) > 65535:
        raise PredictorNotConfigured(f"predictor_host is {host!r}: it must be host or host:port.")
    return match["name"], match["port"] or "", match["path"] or ""
