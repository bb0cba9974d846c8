"""gRPC on gevent. Imported before any channel is made: grpcio is C, which gevent cannot patch by itself.

One channel per user, with a subchannel pool of its own: gRPC channels to one address share a connection otherwise, and
HTTP users do not.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import gevent
import grpc
from grpc.experimental import gevent as grpc_gevent  # type: ignore[attr-defined]  # not in the stubs

grpc_gevent.init_gevent()

Call = Callable[..., bytes]

_LARGEST = 64 << 20


def open_channel(url: str, authority: str) -> grpc.Channel:
    """A channel to the ingress at `url` for the service whose host name is `authority`."""
    parts = urlsplit(url)
    target = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    options = [
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_receive_message_length", _LARGEST),
        ("grpc.max_send_message_length", _LARGEST),
        *([("grpc.default_authority", authority)] if authority else []),
    ]
    if parts.scheme == "https":
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(), options)
    return grpc.insecure_channel(target, options)


def raw_call(channel: grpc.Channel, method: str) -> Call:
    """`method` on bytes: what is serialised before is not serialised again in the timed part."""
    call: Call = channel.unary_unary(method, None, None)
    return call


def overlap(users: int = 8, each: float = 0.25) -> float:
    """How many of `users` that each wait `each` seconds in gRPC wait at once: about `users`, or about 1 if gevent does
    not reach into gRPC. They call a port that takes connections and never answers, so each waits for its deadline."""
    with socket.create_server(("127.0.0.1", 0), backlog=users) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        waiting = [gevent.spawn(_wait_in_grpc, url, each) for _ in range(users)]
        gevent.joinall(waiting, timeout=2 * users * each)
        return users * each / (time.monotonic() - started)


def _wait_in_grpc(url: str, seconds: float) -> None:
    with open_channel(url, "") as channel:
        try:
            raw_call(channel, "/silent/Wait")(b"", timeout=seconds)
        except grpc.RpcError:  # the deadline, which is what is waited for
            return
