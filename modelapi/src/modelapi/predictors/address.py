"""Where a predictor is: `predictor_host` as REST and gRPC need it."""

import re
from dataclasses import dataclass

from modelapi.config import PredictorConfig
from modelapi.errors import PredictorNotConfigured

# host or [IPv6], an optional port, an optional path (REST only: an ingress may route by path)
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^\s:/?#\[\]@]+)(?P<port>:\d{1,5})?(?P<path>/[^\s?#]*)?")


@dataclass(frozen=True)
class Address:
    """A host (an IPv6 address without its brackets), a port, and the path before every other, if any."""

    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        """`host:port`, as messages, the Host header and `:authority` have it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address_of(config: PredictorConfig) -> Address:
    """The address in `predictor_host`; like KServe, a host without port gets 80, or 443 with TLS.

    Raises:
        PredictorNotConfigured: it is no `host[:port][/path]`; or it has a path, and the protocol is gRPC.
    """
    host = config.predictor_host
    if host.startswith(("http://", "https://")):
        scheme, _, rest = host.partition("://")
        tls = " and set predictor_use_ssl" if scheme == "https" else ""
        raise PredictorNotConfigured(f"predictor_host is {host!r}: write {rest!r}, without {scheme}://{tls}.")
    match = _HOST.fullmatch(host)
    port = int((match["port"] or "")[1:] or (443 if config.predictor_use_ssl else 80)) if match else 0
    if match is None or not 0 < port <= 65535:
        raise PredictorNotConfigured(f"predictor_host is {host!r}: it must be host or host:port.")
    path = (match["path"] or "").rstrip("/")
    if path and config.protocol == "grpc-v2":
        raise PredictorNotConfigured(f"predictor_host is {host!r}: gRPC takes host:port, without a path.")
    return Address(match["name"].strip("[]"), port, path)
