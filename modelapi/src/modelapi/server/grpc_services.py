"""The services that come with every gRPC server of ours: `grpc.health.v1.Health` and reflection."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection

from modelapi.codec import v2_grpc
from modelapi.dataplane import DataPlane
from modelapi.errors import ModelNotFound

HEALTH = "grpc.health.v1.Health"
WATCH_SECONDS = 1.0  # how often Watch looks; health changes rarely, and nothing announces it

_Status = health_pb2.HealthCheckResponse


class HealthService:
    """Health by service name: "" and the inference service mean the whole server, any other name a model."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane

    def handler(self) -> Any:
        """What a grpc server registers."""
        request, response = health_pb2.HealthCheckRequest.FromString, _Status.SerializeToString
        handlers: dict[str, Any] = {
            "Check": grpc.unary_unary_rpc_method_handler(self.check, request, response),
            "Watch": grpc.unary_stream_rpc_method_handler(self.watch, request, response),
        }
        return grpc.method_handlers_generic_handler(HEALTH, handlers)

    async def check(self, request: Any, context: Any) -> Any:
        status = await self._status(request.service)
        if status == _Status.SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"{request.service} is no service and no model here.")
        return _Status(status=status)

    async def watch(self, request: Any, _context: Any) -> AsyncIterator[Any]:
        """The status now, and again whenever it changes, until the caller goes."""
        told = None
        while True:
            status = await self._status(request.service)
            if status != told:
                told = status
                yield _Status(status=status)
            await asyncio.sleep(WATCH_SECONDS)

    async def _status(self, service: str) -> int:
        try:
            whole = service in ("", v2_grpc.SERVICE)
            ready = await self._plane.ready() if whole else await self._plane.model_ready(service)
        except ModelNotFound:
            return int(_Status.SERVICE_UNKNOWN)
        return int(_Status.SERVING if ready else _Status.NOT_SERVING)


def add_services(server: grpc.aio.Server, plane: DataPlane) -> None:
    """Health and reflection on a server that has the inference service."""
    server.add_generic_rpc_handlers((HealthService(plane).handler(),))
    reflection.enable_server_reflection((v2_grpc.SERVICE, HEALTH, reflection.SERVICE_NAME), server)
