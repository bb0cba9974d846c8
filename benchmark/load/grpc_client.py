"""A light gRPC client: one ModelInfer, the same bytes each time, over channels that share no connection."""

import asyncio

import grpc

from benchmark.load import closed_loop

METHOD = "/inference.GRPCInferenceService/ModelInfer"
ANSWER_SECONDS = 60.0


class Connection:
    """One channel. Messages stay bytes: what they hold was checked before, and parsing them is not what is measured."""

    def __init__(self, target: str, request: bytes) -> None:
        self._channel = grpc.aio.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])
        self._call = self._channel.unary_unary(METHOD, request_serializer=None, response_deserializer=None)
        self._request = request

    async def ask(self) -> bool:
        """Whether it was answered with OK."""
        try:
            await self._call(self._request, timeout=ANSWER_SECONDS)
        except grpc.aio.AioRpcError:
            await asyncio.sleep(0.01)  # a server that refuses at once must not make this a busy loop
            return False
        return True

    async def close(self) -> None:
        await self._channel.close(None)


async def drive(target: str, body: bytes, connections: int, warmup: float, seconds: float) -> str:
    made = [Connection(target, body) for _ in range(connections)]
    try:
        return await closed_loop.run([connection.ask for connection in made], warmup, seconds)
    finally:
        for connection in made:
            await connection.close()


if __name__ == "__main__":
    closed_loop.main("--target", drive)
