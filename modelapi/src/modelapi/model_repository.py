"""The registry of models by name; `kserve.ModelRepository` is this class's public shape."""

import inspect
from pathlib import Path
from typing import Any

from modelapi.model import BaseKServeModel

MODELS_DIR = "/mnt/models"


class ModelRepository:
    """Models by name, in the order in which they were registered. Subclasses override `load` to load by name."""

    def __init__(self, models_dir: str = MODELS_DIR) -> None:
        self.models: dict[str, BaseKServeModel] = {}
        self.models_dir = models_dir

    def load_models(self) -> None:
        """Load every folder of `models_dir`."""
        for folder in sorted(Path(self.models_dir).iterdir()):
            if folder.is_dir():
                self.load_model(folder.name)

    def set_models_dir(self, models_dir: str) -> None:
        self.models_dir = models_dir

    def get_model(self, name: str) -> BaseKServeModel | None:
        return self.models.get(name)

    def get_models(self) -> dict[str, BaseKServeModel]:
        return self.models

    async def is_model_ready(self, name: str) -> bool:
        """Whether the model is there and healthy."""
        model = self.get_model(name)
        if model is None:
            return False
        return bool(await _settled(model.healthy()))

    def update(self, model: BaseKServeModel, name: str | None = None) -> None:
        """Register a model, under its own name or an alias."""
        self.models[name or model.name] = model

    def load(self, name: str) -> Any:
        """Load a model by name, for the repository API; may be `async def`. By default, the registered one again."""
        model = self.get_model(name)
        return False if model is None else model.load()

    def load_model(self, name: str) -> Any:
        """Load one model of `models_dir`."""
        return self.load(name)

    def unload(self, name: str) -> None:
        """Take a model out; KeyError if there is none."""
        if name not in self.models:
            raise KeyError(f"model {name} does not exist")
        model = self.models.pop(name)
        model.stop()
        if model.engine:
            model.stop_engine()


async def _settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value
