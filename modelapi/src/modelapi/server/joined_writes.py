"""One system call for what is written in one turn of the event loop."""

import asyncio
from typing import Any

_JOIN_BELOW = 64 * 1024  # one write of a copy is cheaper than two writes


class JoinedWrites:
    """A transport that gathers writes until the loop's next turn; everything else is the transport's own.

    uvloop hands each write to the system at once, and an HTTP answer is written as headers, then body: the caller would
    be woken twice for it.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._later = asyncio.get_running_loop().call_soon
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._held:
            self._later(self._put_out)
        self._held.append(data)

    def close(self) -> None:
        self._put_out()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _put_out(self) -> None:
        held, self._held = self._held, []
        if self._transport.is_closing():
            return
        if sum(map(len, held)) <= _JOIN_BELOW:
            self._transport.write(b"".join(held))
        else:
            self._transport.writelines(held)
