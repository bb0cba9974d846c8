"""The floor for REST in: a bare ASGI application under uvicorn with nothing but the picture and the hop.

No validation, no metrics, no log lines, no error handling: what is left is what a request cannot do without.
"""

import argparse
import base64
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import uvicorn

from benchmark.contenders import picture
from benchmark.contenders.floor_hops import HOPS, Hop

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Floor:
    """V1 predict on every POST, ready on every GET. The hop is opened on the server's loop, by the first request."""

    def __init__(self, open_hop: Callable[[], Hop], side: int) -> None:
        self._open, self._side = open_hop, side
        self._hop: Hop | None = None

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        answer = await self._predict(await _body(receive)) if scope["method"] == "POST" else b"{}"
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _predict(self, body: bytes) -> bytes:
        self._hop = self._hop or self._open()
        pictures = [base64.b64decode(instance["image"]["b64"]) for instance in orjson.loads(body)["instances"]]
        return orjson.dumps({"predictions": await self._hop.rows(picture.batch(pictures, self._side))})


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    return body


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--http_port", type=int, required=True)
    parser.add_argument("--predictor_host", required=True)
    parser.add_argument("--model_name", required=True)
    parser.add_argument("--hop", choices=HOPS, required=True)
    parser.add_argument("--side", type=int, required=True)
    args = parser.parse_args()
    floor = Floor(lambda: HOPS[args.hop](args.predictor_host, args.model_name), args.side)
    uvicorn.run(floor, port=args.http_port, loop="uvloop", http="httptools", lifespan="off", log_level="warning")


if __name__ == "__main__":
    main()
