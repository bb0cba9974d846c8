"""Opening a connection to the predictor; what both wires have in common before they say a word."""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

from modelapi.predictors.address import Address

P = TypeVar("P", bound=asyncio.Protocol)

Chunks = tuple[bytes | bytearray | memoryview, ...]  # a body in pieces: a tensor is sent from where it lies


class Unreachable(Exception):
    """There is no connection; the message says why, in the words of TLS or of the operating system."""


async def dial(make: Callable[[], P], address: Address, tls: ssl.SSLContext | None) -> P:
    """A protocol with a connection to the first of the host's addresses that takes one; else Unreachable."""
    loop = asyncio.get_running_loop()
    failure: OSError = OSError(f"{address.host} has no address")
    try:
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise Unreachable(cause(exc)) from exc
    for _, _, _, _, place in found:
        try:
            named = address.host if tls else None
            _, protocol = await loop.create_connection(
                make, str(place[0]), address.port, ssl=tls, server_hostname=named
            )
        except OSError as exc:
            failure = exc
        else:
            return protocol
    raise Unreachable(cause(failure)) from failure


def cause(error: OSError) -> str:
    """Why there is no connection."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"it does not speak TLS as expected: {error.reason}"
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number)
        case OSError(strerror=str(words)):
            return words
        case _:
            return str(error) or type(error).__name__
