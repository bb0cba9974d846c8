"""A light HTTP/1.1 client: one POST, the same bytes each time, kept-alive connections. wrk is used where installed."""

import asyncio
from typing import cast
from urllib.parse import urlsplit

import httptools

from benchmark.load import closed_loop

ANSWER_SECONDS = 60.0


class Connection(asyncio.Protocol):
    """One connection with one request in flight."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._status = 0
        self._answer: asyncio.Future[bool] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle(False)

    def on_message_complete(self) -> None:
        self._settle(self._parser.get_status_code() == 200)

    async def ask(self) -> bool:
        """Whether it was answered with a 200."""
        if self._transport.is_closing():
            await asyncio.sleep(0.01)  # a server that closes at once must not make this a busy loop
            return False
        self._answer = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(self._request)
        return await asyncio.wait_for(self._answer, ANSWER_SECONDS)

    def _settle(self, good: bool) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(good)


async def drive(url: str, body: bytes, connections: int, warmup: float, seconds: float) -> str:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    loop = asyncio.get_running_loop()
    made = [(await loop.create_connection(lambda: Connection(request), host, port))[1] for _ in range(connections)]
    return await closed_loop.run([connection.ask for connection in made], warmup, seconds)


if __name__ == "__main__":
    closed_loop.main("--url", drive)
