"""The floor for gRPC in: a bare grpc.aio server whose one method does the picture and the gRPC hop."""

import argparse
import asyncio
from typing import Any

import grpc
import uvloop
from tritonclient.grpc import service_pb2_grpc

from benchmark.contenders import picture
from benchmark.contenders.floor_hops import GrpcHop


class Floor(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # tritonclient publishes no types
    """`ModelInfer`: a BYTES tensor of encoded pictures in; the predictor's answer, as it came, out."""

    def __init__(self, hop: GrpcHop, side: int) -> None:
        self._hop, self._side = hop, side

    async def ModelInfer(self, request: Any, context: Any) -> Any:
        return await self._hop.answer(picture.batch(request.inputs[0].contents.bytes_contents, self._side))


async def serve(port: int, predictor: str, model: str, side: int) -> None:
    server = grpc.aio.server()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Floor(GrpcHop(predictor, model), side), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--grpc_port", type=int, required=True)
    parser.add_argument("--predictor_host", required=True)
    parser.add_argument("--model_name", required=True)
    parser.add_argument("--side", type=int, required=True)
    args = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(args.grpc_port, args.predictor_host, args.model_name, args.side))


if __name__ == "__main__":
    main()
