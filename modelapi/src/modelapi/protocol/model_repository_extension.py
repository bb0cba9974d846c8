"""`kserve.protocol.model_repository_extension`: loading and unloading by name, over a registry."""

from modelapi.dataplane import DataPlane
from modelapi.model_repository import ModelRepository


class ModelRepositoryExtension:
    """The repository API of the V2 protocol."""

    def __init__(self, model_registry: ModelRepository) -> None:
        self._plane = DataPlane(model_registry)

    async def index(self, filter_ready: bool | None = False) -> list[dict[str, str]]:
        return await self._plane.index(bool(filter_ready))

    async def load(self, model_name: str) -> None:
        await self._plane.load(model_name)

    async def unload(self, model_name: str) -> None:
        await self._plane.unload(model_name)
